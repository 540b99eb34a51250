"""The client of user-service, which knows whose an API key is."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock

from cachetools import TTLCache
from prometheus_client import Counter, Histogram
from requests.exceptions import InvalidHeader

from application.models import MAX_INTEGER

from .bounded_get import MAX_ANSWER, BoundedGet, NoAnswer

MAX_CACHED = 10_000  # users
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
    """Asks user-service who is calling."""

    def __init__(
        self, base_url: str, timeout: float, cache_ttl: float = 0, certificates: str = ""
    ) -> None:
        """Take the service's URL, and seconds: for a whole call, and to remember a user.

        ``certificates`` is a file, or a folder, of those that may have signed the service's own.
        """
        self._get = BoundedGet(base_url.rstrip("/") + "/api/user", timeout, certificates)
        self._cache: TTLCache[bytes, User] = TTLCache(MAX_CACHED, cache_ttl)
        self._lock = Lock()

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
        began, outcome = time.monotonic(), "unavailable"
        try:
            user = self._call({**(headers or {}), "Authorization": api_key})
            outcome = "user" if user else "unknown"
        finally:
            CALLS.labels(outcome).observe(time.monotonic() - began)
        if user is not None:  # an unknown key may become valid at any moment
            with self._lock:
                self._cache[digest] = user
        return user

    def ping(self) -> None:
        """Call without a key. Raises UserServiceUnavailable if there is no answer soon."""
        self._call({}, PING_TIMEOUT)

    def _call(self, headers: Mapping[str, str], timeout: float | None = None) -> User | None:
        try:
            status, body = self._get(headers, timeout)
        except InvalidHeader:  # a key that cannot be sent is nobody's
            return None
        except NoAnswer as error:
            raise UserServiceUnavailable(str(error)) from error
        if status in (401, 403):
            return None
        if status != 200:
            raise UserServiceUnavailable(f"status {status}")
        return _user_from(body)


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
