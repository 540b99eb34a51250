"""The client of user-service, which knows whose an API key is."""

import http.client
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import Condition, Lock

from cachetools import TTLCache
from urllib3 import Timeout, connection_from_url
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.util import parse_url

from application import metrics
from application.models import MAX_INTEGER

MAX_ANSWER = 64 * 1024  # bytes
MAX_CACHED = 10_000  # users
MAX_CALLS = 6  # at a time: two of a worker's eight threads stay free of a user-service that hangs
PATIENCE = 0.25  # of the timeout: older calls than that are a sign that it hangs
HEADER_VALUE = re.compile(r"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*)")  # RFC 9110, 5.5


class UserServiceUnavailable(Exception):
    """user-service is down, slow or answers nonsense."""


@dataclass(frozen=True)
class User:
    id: int
    is_admin: bool


class UserClient:
    """Asks user-service who is calling.

    urllib3 rather than requests on top of it: its pool is thread-safe, and knows no .netrc and no
    proxies of the environment, which would replace or see the caller's key.
    """

    def __init__(self, base_url: str, timeout: float, cache_ttl: float = 0) -> None:
        """Take the service's URL, the seconds for a whole call, and for how long to remember."""
        self._path = (parse_url(base_url).path or "").rstrip("/") + "/api/user"
        self._timeout = timeout
        self._pool = connection_from_url(base_url, maxsize=16, retries=False)
        self._pool.ConnectionCls = type(
            "Connection", (self._pool.ConnectionCls,), {"response_class": _TimedResponse}
        )
        self._cache = TTLCache(MAX_CACHED, cache_ttl)
        self._lock = Lock()
        self._calls: list[float] = []  # when those that are running began, the oldest first
        self._call_ended = Condition()

    def get_user(self, api_key: str, headers: Mapping[str, str] | None = None) -> User | None:
        """Return the user whose Authorization value this is, or None where nobody's is.

        ``headers`` are sent along with it. Raises UserServiceUnavailable where user-service cannot
        say within the timeout.
        """
        if not HEADER_VALUE.fullmatch(api_key):
            return None
        digest = sha256(api_key.encode("latin-1")).digest()  # no key lies about in memory
        with self._lock:
            user = self._cache.get(digest)
        if user is not None:
            metrics.USER_CACHE_HITS.inc()
            return user
        user = self._ask({**(headers or {}), "Authorization": api_key})
        if user is not None:  # a key may become valid at any moment
            with self._lock:
                self._cache[digest] = user
        return user

    def ping(self) -> None:
        """Raise UserServiceUnavailable where user-service does not even refuse an absent key."""
        self._answer({})

    def _ask(self, headers: Mapping[str, str]) -> User | None:
        began, outcome = time.monotonic(), "unavailable"
        try:
            user = self._answer(headers)
            outcome = "user" if user else "unknown"
            return user
        finally:
            metrics.USER_SERVICE_CALLS.labels(outcome).observe(time.monotonic() - began)

    def _answer(self, headers: Mapping[str, str]) -> User | None:
        deadline = time.monotonic() + self._timeout
        try:
            with self._turn():
                status, body = self._fetch(headers, deadline)
        except (HTTPError, http.client.HTTPException, OSError) as error:
            raise UserServiceUnavailable(type(error).__name__) from error
        if status in (401, 403):
            return None
        if status != 200:
            raise UserServiceUnavailable(f"status {status}")
        return _user_from(body)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for one of MAX_CALLS turns, as long as the calls that are running are young."""
        with self._call_ended:
            oldest = self._calls[0] if self._calls else 0
            patience = oldest + PATIENCE * self._timeout - time.monotonic()
            free = self._call_ended.wait_for(lambda: len(self._calls) < MAX_CALLS, patience)
            if not free:
                raise UserServiceUnavailable("too many calls are waiting for it")
            began = time.monotonic()
            self._calls.append(began)
        try:
            yield
        finally:
            with self._call_ended:
                self._calls.remove(began)
                self._call_ended.notify()

    def _fetch(self, headers: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
        try:
            return self._get(headers, deadline)
        except ProtocolError:  # a kept connection that user-service has just closed
            return self._get(headers, deadline)

    def _get(self, headers: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
        response = self._pool.request(
            "GET",
            self._path,
            headers={"Accept": "application/json", **headers},
            redirect=False,
            timeout=Timeout(total=max(deadline - time.monotonic(), 0.001)),
            preload_content=False,
        )
        with response:
            return response.status, response.read(MAX_ANSWER + 1)


def _user_from(body: bytes) -> User:
    """Read ``{"result": {"id": INT, "is_admin": BOOL, ...}}``; raises UserServiceUnavailable."""
    try:
        user = json.loads(body)["result"]
        user_id = user["id"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserServiceUnavailable("an answer that is no user") from error
    if len(body) > MAX_ANSWER or type(user_id) is not int or not 1 <= user_id <= MAX_INTEGER:
        raise UserServiceUnavailable("an answer that is no user")
    return User(user_id, user.get("is_admin") is True)


class _TimedResponse(http.client.HTTPResponse):
    """An answer that comes whole within the socket's timeout, which else counts for each read."""

    def __init__(self, sock, *args, **kwargs) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _TimedReader(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock) -> None:
        self._raw, self._sock = raw, sock
        self._deadline = time.monotonic() + sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int | None:
        self._sock.settimeout(max(self._deadline - time.monotonic(), 0.001))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
