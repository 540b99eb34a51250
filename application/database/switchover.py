"""Following a database that moves: after a switchover, the old server stays up, but read-only.

Its connections live on, so every write on them fails, and reads on them are stale.
"""

import logging
import time
from threading import Lock

from prometheus_client import Gauge
from sqlalchemy import Engine, ExceptionContext, event

from .error_codes import OUT_OF_CLUSTER, READ_ONLY, code

log = logging.getLogger(__name__)
PATIENCE = 5.0  # seconds for which a writable server is waited for
# Set at each change, not only when a worker's own view turns: the worker that saw the database turn
# read-only may be dead or idle when another one finds it writable again.
DATABASE_READ_ONLY = Gauge(
    "database_read_only",
    "1 if the last change failed because the database is read-only, otherwise 0.",
    multiprocess_mode="mostrecent",
)


class Switchover:
    """Closes the connections to a server that has turned read-only."""

    def __init__(self, writer: Engine, reader: Engine) -> None:
        """Take the engines for transactions and for queries."""
        self._reader = reader  # no query of its own tells that its server is read-only
        self._lock = Lock()
        self._read_only_since: float | None = None
        for engine in (writer, reader):
            event.listen(engine, "handle_error", self._on_error)
        DATABASE_READ_ONLY.set(0)  # otherwise there is no such metric before the first change

    def patience(self) -> float:
        """Return for how many seconds a transaction may wait for a writable server."""
        since = self._read_only_since
        return PATIENCE if since is None or time.monotonic() - since < PATIENCE else 0

    def wrote(self) -> None:
        """Take note that a change is committed, so the server is writable."""
        DATABASE_READ_ONLY.set(0)
        if self._read_only_since is not None:
            self._turn(None, "The database is writable again")

    def _on_error(self, context: ExceptionContext) -> None:
        number = code(context.original_exception)
        if number in READ_ONLY | OUT_OF_CLUSTER:
            # SQLAlchemy closes this connection, and all older ones of its engine.
            context.is_disconnect = True
        if number in READ_ONLY:
            DATABASE_READ_ONLY.set(1)
            line = f"The database is read-only: {context.original_exception}"
            self._turn(time.monotonic(), line)

    def _turn(self, since: float | None, line: str) -> None:
        with self._lock:
            if (self._read_only_since is None) == (since is None):
                return  # another thread was first
            self._read_only_since = since
        log.warning(line)
        self._reader.dispose()
