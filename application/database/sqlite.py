"""SQLite, which lets one connection write at a time: the writers of this process take turns."""

import atexit
import logging
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Executable, event

log = logging.getLogger(__name__)
TIMEOUT = 10  # seconds to wait for another writer
CONNECT_ARGS: dict[str, Any] = {
    "timeout": TIMEOUT,
    "isolation_level": "IMMEDIATE",  # the driver's BEGIN, which it sends before a write only
}
TURN = "order_service.turn"  # in a connection's info


def prepare(connection: Any, _record: object) -> None:
    """Turn on the write-ahead log, with which readers and a writer do not wait for each other."""
    connection.execute("PRAGMA journal_mode = WAL")


def empty_log_at_exit(engines: list[Engine]) -> None:
    """Let this process, when it exits, move the log into the file, which can be copied then."""
    atexit.register(_empty_log, engines, os.getpid())


def _empty_log(engines: list[Engine], pid: int) -> None:
    for engine in engines:
        engine.dispose()
    if os.getpid() != pid:  # a worker: gunicorn's master does it when all have ended
        return
    writer, *_ = engines
    file = Path((writer.url.database or "").removeprefix("file:"))
    if not file.exists():  # a connection would make a new one
        return
    with suppress(sqlite3.Error), closing(writer.raw_connection()) as connection:
        cursor: Any = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 1000")  # milliseconds
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, _, _ = cursor.fetchone()
        if busy:
            log.warning("Another process writes to %s: a copy needs %s-wal, too", file, file)
    writer.dispose()


def take_turns(engine: Engine) -> None:
    """Let an engine's connections write one after the other.

    A connection has its turn from its first write until it returns to the pool. SQLite itself lets
    those that wait try again at intervals, so one of 16 could starve for ten seconds.
    """
    turn = Lock()

    @event.listens_for(engine, "before_execute")
    def begin(connection: Connection, statement: Executable, *_: object) -> None:
        # SQLite ignores FOR UPDATE: take its write lock before the statement reads. A lock that
        # comes only with the write fails if somebody else has written in between. Nothing public
        # tells whether a statement has FOR UPDATE.
        writes = statement.is_dml or getattr(statement, "_for_update_arg", None) is not None
        driver: Any = connection.connection.driver_connection
        autocommit = driver.isolation_level is None
        if not writes or driver.in_transaction or autocommit:
            return
        end = time.monotonic() + TIMEOUT
        if TURN not in connection.info and turn.acquire(timeout=TIMEOUT):
            connection.info[TURN] = True
        # Another process may be writing: both waits together take no longer than one.
        left = max(end - time.monotonic(), 0)
        driver.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def end_turn(_connection: object, record: Any) -> None:
        if record.info.pop(TURN, False):
            turn.release()

    for name in ("checkin", "detach"):
        event.listen(engine, name, end_turn)
