"""GET requests to another service that never hold their caller for longer than a timeout."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from threading import Condition, local

import requests
from requests.exceptions import InvalidHeader
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

MAX_ANSWER = 64 * 1024  # bytes
MAX_CALLS = 6  # at once: two of a worker's eight threads stay free if the service hangs


class NoAnswer(Exception):
    """The service is down, slow or breaks off."""


class BoundedGet:
    """Sends GET requests to one URL.

    Each runs in a thread of a pool, and its caller waits until the timeout and no longer: requests'
    own timeouts cover neither a name server nor an answer that drips.
    """

    def __init__(self, url: str, timeout: float, certificates: str = "") -> None:
        """Take the URL, the seconds for a whole call, and a file of certificates to trust."""
        self._url, self._timeout = url, timeout
        self._threads = ThreadPoolExecutor(MAX_CALLS, "bounded-get")
        self._local = _ThreadLocal(certificates)
        self._running, self._call_ended = 0, Condition()
        self._silent_since = 0.0  # when the last answer came, or the calls began

    def __call__(
        self, headers: Mapping[str, str], timeout: float | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body, or enough of it to tell that it exceeds MAX_ANSWER.

        ``timeout`` may shorten the usual one. Raises NoAnswer, and InvalidHeader if ``headers``
        cannot be sent.
        """
        deadline = time.monotonic() + (timeout or self._timeout)
        self._wait_for_slot(deadline)
        call = self._threads.submit(self._get, headers, deadline)
        call.add_done_callback(self._free_slot)
        try:
            answer = call.result(deadline - time.monotonic())
        except InvalidHeader:
            raise
        except (OSError, HTTPError) as error:  # all of requests' own are OSErrors
            raise NoAnswer(_reason(error)) from error
        self._silent_since = time.monotonic()
        return answer

    def _wait_for_slot(self, deadline: float) -> None:
        """Wait until fewer than MAX_CALLS calls are running, at most until the deadline.

        Raises NoAnswer once the service has been silent for half of the timeout: a caller who
        waited any longer would have too little time left for a call as slow as those.
        """
        with self._call_ended:
            now = time.monotonic()
            if not self._running:
                self._silent_since = now
            patience = min(self._silent_since + self._timeout / 2, deadline) - now
            if not self._call_ended.wait_for(lambda: self._running < MAX_CALLS, patience):
                raise NoAnswer("too many calls are waiting for it")
            self._running += 1

    def _free_slot(self, _: object) -> None:
        with self._call_ended:
            self._running -= 1
            self._call_ended.notify()

    def _get(self, headers: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
        with suppress(requests.ConnectionError):  # it may just have closed a kept connection
            return self._read(headers, deadline)
        return self._read(headers, deadline)

    def _read(self, headers: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
        left = max(deadline - time.monotonic(), 0.001)
        with self._local.session.get(
            self._url, headers=headers, timeout=left, allow_redirects=False, stream=True
        ) as response:
            body = b""
            while len(body) <= MAX_ANSWER and (part := response.raw.read1(MAX_ANSWER)):
                body += part
                if time.monotonic() > deadline:  # the timeout of requests is one for each part
                    raise TimeoutError
            return response.status_code, body


def _reason(error: BaseException) -> str:
    """Return an error's class, and what the system or TLS says: other errors may quote a key."""
    root = error
    while root.__context__:
        root = root.__context__
    of_system = isinstance(root, OSError) and not isinstance(root, requests.RequestException)
    said = f": {root}" if of_system and str(root) else ""
    return f"{type(error).__name__}{said}"


class _ThreadLocal(local):
    """Each thread's own session: requests does not promise that sessions are thread-safe."""

    def __init__(self, certificates: str) -> None:
        self.session = requests.Session()
        self.session.verify = certificates or True
        self.session.trust_env = False  # neither .netrc nor a proxy may replace or see a key
        self.session.headers = CaseInsensitiveDict({"Accept": "application/json"})
        # No cookie of one caller may go out with the key of another.
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
