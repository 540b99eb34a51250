"""SQLite, which lets one connection write at a time: the writers of this process take turns."""

from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Executable, event
from sqlalchemy.exc import TimeoutError as NoTurn

TIMEOUT = 10  # seconds to wait for another writer
CONNECT_ARGS: dict[str, Any] = {
    "timeout": TIMEOUT,
    "isolation_level": "IMMEDIATE",  # the driver's BEGIN, which it sends before a write only
}
TURN = "order_service.turn"  # in a connection's info


def prepare(connection: Any, _record: object) -> None:
    """Let readers and a writer not wait for each other."""
    connection.execute("PRAGMA journal_mode = WAL")


def take_turns(engine: Engine) -> None:
    """Let connections that write wait for each other in a queue.

    SQLite itself lets them try again at intervals, so one of 16 could starve for ten seconds.
    """
    turn = Lock()

    @event.listens_for(engine, "before_execute")
    def begin(connection: Connection, statement: Executable, *_: object) -> None:
        # SQLite ignores FOR UPDATE: take its write lock before the statement reads. A lock that
        # comes only with the write fails if somebody else has written in between. Nothing public
        # tells whether a statement has FOR UPDATE.
        locks = getattr(statement, "_for_update_arg", None) is not None
        if not (locks or statement.is_dml) or connection.connection.in_transaction:
            return
        if TURN not in connection.info:
            if not turn.acquire(timeout=TIMEOUT):
                raise NoTurn("another thread has been writing for too long")
            connection.info[TURN] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    # A session gives its connection back after each COMMIT and ROLLBACK.
    @event.listens_for(engine, "checkin")
    def end(_connection: object, record: Any) -> None:
        if record.info.pop(TURN, False):
            turn.release()
