"""The client of user-service, which knows whose an API key is."""

import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from threading import BoundedSemaphore, Lock, local

import requests
from cachetools import TTLCache
from prometheus_client import Counter, Histogram
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from application.models import MAX_INTEGER

MAX_ANSWER = 64 * 1024  # bytes
MAX_CACHED = 10_000  # users
MAX_CALLS = 6  # at once: two of a worker's eight threads stay free when user-service hangs
PING_TIMEOUT = 0.4  # seconds
HEADER_VALUE = re.compile(r"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*)")  # RFC 9110, 5.5

CALLS = Histogram(
    "user_service_call_duration_seconds",
    "Seconds of a call of user-service; its outcome is a user, unknown (of a key) or unavailable.",
    ["outcome"],
)
CACHE_HITS = Counter("user_cache_hits", "API keys whose user was found in the cache.")


class UserServiceUnavailable(Exception):
    """user-service is down, slow or answers nonsense."""


@dataclass(frozen=True)
class User:
    """A caller, as far as orders are concerned."""

    id: int
    is_admin: bool


class UserClient:
    """Asks user-service who is calling.

    Each call runs in a thread of its own pool, and the caller waits for it until the timeout and no
    longer: requests' own timeouts cover neither a name server nor an answer that drips.
    """

    def __init__(self, base_url: str, timeout: float, cache_ttl: float = 0) -> None:
        """Take the service's URL, and seconds: for a whole call, and to remember a user."""
        self._url = base_url.rstrip("/") + "/api/user"
        self._timeout = timeout
        self._cache: TTLCache[bytes, User] = TTLCache(MAX_CACHED, cache_ttl)
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(MAX_CALLS, "user-service")
        self._slots = BoundedSemaphore(MAX_CALLS)
        self._running = 0  # calls
        self._silent_since: float | None = None  # the first call since the last answer
        self._of_thread = _OfThread()

    def get_user(self, api_key: str, headers: Mapping[str, str] | None = None) -> User | None:
        """Return the user whose Authorization value this is, None if it is nobody's.

        ``headers`` are sent along with it. Raises UserServiceUnavailable if user-service cannot
        tell within the timeout.
        """
        if not HEADER_VALUE.fullmatch(api_key):
            return None
        digest = sha256(api_key.encode("latin-1")).digest()  # no key is kept in memory
        with self._lock:
            user = self._cache.get(digest)
        if user is not None:
            CACHE_HITS.inc()
            return user
        user = self._ask({**(headers or {}), "Authorization": api_key})
        if user is not None:  # an unknown key may become valid at any moment
            with self._lock:
                self._cache[digest] = user
        return user

    def ping(self) -> None:
        """Call without a key. Raises UserServiceUnavailable if there is no answer soon."""
        self._call({}, PING_TIMEOUT)

    def _ask(self, headers: Mapping[str, str]) -> User | None:
        began, outcome = time.monotonic(), "unavailable"
        try:
            user = self._call(headers, self._timeout)
            outcome = "user" if user else "unknown"
            return user
        finally:
            CALLS.labels(outcome).observe(time.monotonic() - began)

    def _call(self, headers: Mapping[str, str], timeout: float) -> User | None:
        deadline = time.monotonic() + timeout
        answer = self._submit(headers, deadline)
        try:
            status, body = answer.result(deadline - time.monotonic())
        except (TimeoutError, requests.RequestException, HTTPError) as error:
            if time.monotonic() < deadline:  # it has failed, but it is not silent
                self._silent_since = None
            raise UserServiceUnavailable(type(error).__name__) from error
        self._silent_since = None
        if status in (401, 403):
            return None
        if status != 200:
            raise UserServiceUnavailable(f"status {status}")
        return _user_from(body)

    def _submit(self, headers: Mapping[str, str], deadline: float) -> "Future[tuple[int, bytes]]":
        """Start a call as soon as one of MAX_CALLS slots is free.

        Raises UserServiceUnavailable if user-service has been silent for half of the timeout: a
        caller who waited any longer would have too little time left for a call as slow as those.
        """
        now = time.monotonic()
        silent = now - self._silent_since if self._silent_since else 0
        if not self._slots.acquire(timeout=max(self._timeout / 2 - silent, 0)):
            raise UserServiceUnavailable("too many calls are waiting for it")
        with self._lock:
            self._running += 1
            self._silent_since = self._silent_since or now
        answer = self._threads.submit(self._get, headers, deadline)
        answer.add_done_callback(self._end)
        return answer

    def _end(self, _answer: "Future[tuple[int, bytes]]") -> None:
        with self._lock:
            self._running -= 1
            if not self._running:  # whatever came of the calls, none is stuck
                self._silent_since = None
        self._slots.release()

    def _get(self, headers: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
        try:
            return self._read(headers, deadline)
        except requests.ConnectionError:  # user-service may just have closed a kept connection
            return self._read(headers, deadline)

    def _read(self, headers: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
        """Return an answer's status and body, or as much of it as tells that it is too long."""
        left = max(deadline - time.monotonic(), 0.001)
        with self._of_thread.session.get(
            self._url, headers=headers, timeout=left, allow_redirects=False, stream=True
        ) as response:
            body = b""
            while len(body) <= MAX_ANSWER and (part := response.raw.read1(MAX_ANSWER)):
                body += part
                if time.monotonic() > deadline:  # the timeout of requests is one for each part
                    raise TimeoutError
            return response.status_code, body


class _OfThread(local):
    """Each thread's own session: requests does not promise that sessions are thread-safe."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False  # neither .netrc nor a proxy may replace or see a key
        self.session.headers = CaseInsensitiveDict({"Accept": "application/json"})
        # No cookie of one user may go out with the key of another.
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))


def _user_from(body: bytes) -> User:
    """Read ``{"result": {"id": INT, "is_admin": BOOL, ...}}``; raises UserServiceUnavailable."""
    try:
        user = json.loads(body)["result"]
        user_id = user["id"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserServiceUnavailable("the answer is not a user") from error
    if len(body) > MAX_ANSWER or type(user_id) is not int or not 1 <= user_id <= MAX_INTEGER:
        raise UserServiceUnavailable("the answer is not a user")
    return User(user_id, user.get("is_admin") is True)
