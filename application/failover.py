"""Following a database that moves: after a switchover, the old server stays up, but read-only.

Its connections live on, so every write on them fails, and reads on them are stale.
"""

import time
from collections.abc import Iterable
from logging import Logger
from threading import Lock

from sqlalchemy import Engine, ExceptionContext, event

from .failures import OUT_OF_CLUSTER, READ_ONLY, code

SWITCHOVER = 5.0  # seconds for which a writable server is waited for


class Failover:
    """Gives up all connections when their server turns read-only, and once one is writable."""

    def __init__(self, engines: Iterable[Engine], logger: Logger) -> None:
        self._engines = list(engines)
        self._logger = logger
        self._lock = Lock()
        self._read_only_since: float | None = None
        for engine in self._engines:
            event.listen(engine, "handle_error", self._on_error)

    def patience(self) -> float:
        """Return for how many seconds a transaction may wait for a writable server."""
        since = self._read_only_since
        return SWITCHOVER if since is None or time.monotonic() - since < SWITCHOVER else 0

    def on_commit(self) -> None:
        """Take note that a server is writable."""
        if self._read_only_since is not None:
            self._turn(None, "The database is writable again")

    def _on_error(self, context: ExceptionContext) -> None:
        number = code(context.original_exception)
        if number in READ_ONLY | OUT_OF_CLUSTER:
            context.is_disconnect = True  # so this connection and all older ones are closed
        if number in READ_ONLY and self._read_only_since is None:
            line = f"The database is read-only: {context.original_exception}"
            self._turn(time.monotonic(), line)

    def _turn(self, since: float | None, line: str) -> None:
        with self._lock:
            if (self._read_only_since is None) == (since is None):
                return  # another thread was first
            self._read_only_since = since
        self._logger.warning(line)
        for engine in self._engines:
            engine.dispose()
