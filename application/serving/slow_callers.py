"""Callers that are slow, silent or gone: they hold up nobody else, and are given up after a while.

gunicorn's threaded worker has a thread wait for each of them, and has no limit for that.
"""

import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from errno import ECONNRESET
from fcntl import ioctl
from queue import SimpleQueue
from termios import TIOCOUTQ
from threading import Lock, Thread
from typing import Any

STALLED = 10.0  # seconds without progress, after which a caller is given up
HEAD, BODY = 10.0, 60.0  # seconds in which a request must be complete, even if it drips
LINGER = 2.0  # seconds for a caller to close, or to go on sending while the server stops
ON_ITS_WAY = 0.02  # seconds to wait, in all, before a thread is replaced
REPLACED = 100  # threads at most: callers beyond that do hold up others
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() drops what is not sent yet


class RequestThreads(Executor):
    """A worker's threads for requests; one that waits for its caller is replaced meanwhile.

    The library's own pool cannot grow.
    """

    def __init__(self, threads: int) -> None:
        """Take the number of threads that work at once."""
        self.waiting = 0  # for their callers
        self._too_many, self._lock = 0, Lock()
        self._calls: SimpleQueue[tuple[Future[Any], Callable[..., Any], Any]] = SimpleQueue()
        for _ in range(threads):
            self._start()

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Future[Any]:  # type: ignore[override]
        """Let a thread make a call, and return the call's future."""
        future: Future[Any] = Future()
        self._calls.put((future, call, args))
        return future

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Let another thread work during the block, in which this one waits for its caller."""
        replaced = False
        with self._lock:
            self.waiting += 1
        try:
            if self.waiting <= REPLACED:
                with suppress(RuntimeError):  # the system allows no more threads
                    self._start()
                    replaced = True
            yield
        finally:
            with self._lock:
                self.waiting -= 1
                self._too_many += replaced

    def _start(self) -> None:
        Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            future, call, args = self._calls.get()
            try:
                future.set_result(call(*args))
            except BaseException as error:
                future.set_exception(error)
            del future, call, args  # or they would live until the next call
            with self._lock:
                if self._too_many:
                    self._too_many -= 1
                    return


class CallerSocket(socket.socket):
    """A caller's connection, as gunicorn reads and writes it in one of the worker's threads."""

    def __init__(self, accepted: socket.socket, worker: Any) -> None:
        """Take over a connection that a worker of gunicorn's has accepted."""
        kind = accepted.family, accepted.type, accepted.proto
        super().__init__(*kind, fileno=accepted.detach())
        self._worker = worker
        self.limit(HEAD)

    def limit(self, seconds: float) -> None:
        """Give the caller so many seconds from now for what it still has to send."""
        now = time.monotonic()
        self._deadline, self._grace = now + seconds, now + ON_ITS_WAY

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what is there. Raises ConnectionResetError if nothing comes."""
        timeout = self.gettimeout()
        if timeout is None:
            with suppress(BlockingIOError):
                return super().recv(size, flags | socket.MSG_DONTWAIT)
            self._wait(select.POLLIN)
        elif timeout:  # gunicorn's own, for a body that the application has not read
            self._wait(select.POLLIN, timeout)
        return super().recv(size, flags)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Write everything. Raises ConnectionResetError if the caller reads no more."""
        if self.gettimeout() is not None:  # gunicorn's answer to malformed HTTP does not wait
            return super().sendall(data, flags)
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[super().send(rest, flags | socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._wait(select.POLLOUT)
        return None

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        """Write everything, such as gunicorn's ``100 Continue``, and return its length."""
        self.sendall(data, flags)
        return len(data)

    def finish(self) -> None:
        """End the answer, and give the caller a moment to close: closing first may cut it off."""
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            self.limit(LINGER)
            while time.monotonic() < self._deadline and self.recv(8192):
                pass

    def _wait(self, event: int, patience: float = STALLED) -> None:
        """Wait until the socket is ready, for ``patience`` seconds without progress at most."""
        poll = select.poll()
        poll.register(self, event)
        grace = self._grace - time.monotonic()
        if grace > 0 and poll.poll(grace * 1000):
            return
        since, unread = time.monotonic(), self._unread()
        with self._worker.tpool.replaced():
            while (left := self._left(event, since + patience)) > 0:
                if poll.poll(min(left, 1) * 1000):
                    return
                if (now := self._unread()) < unread:  # a slow reader is no fault
                    since, unread = time.monotonic(), now
        if event == select.POLLOUT:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError(ECONNRESET, "the caller stalls")  # which gunicorn does not log

    def _left(self, event: int, end: float) -> float:
        """Return how many more seconds to wait: for a request, LINGER if the server is stopping."""
        now = time.monotonic()
        if event == select.POLLOUT:  # accepted requests are answered, even while it is stopping
            return end - now
        if not self._worker.alive:
            self._deadline = min(self._deadline, now + LINGER)
        return min(end, self._deadline) - now

    def _unread(self) -> int:
        """Return how many bytes of the answer the caller's system has not acknowledged."""
        return int.from_bytes(ioctl(self, TIOCOUTQ, bytes(4)), sys.byteorder)
