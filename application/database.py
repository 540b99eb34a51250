"""The database: engines fit for concurrency, and transactions that are tried again."""

import random
import time
from collections.abc import Callable, Sequence
from functools import wraps

from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from pymysql.constants import ER, SERVER_STATUS
from sqlalchemy import CursorResult, Executable, Row, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase

from . import metrics

# For how many seconds from its start a transaction is tried again:
AFTER_CONFLICT = 10.0  # three Galera nodes may need that long for a cart that all of them write
AFTER_LOST_CONNECTION = 1.0  # less than read_timeout: one that hangs is given up
LONGEST_PAUSE = 0.05  # seconds; random, so that rivals do not meet again
# changed since read, first add of a rival, lock wait timeout, deadlock (Galera: also at COMMIT)
CONFLICTS = {ER.CHECKREAD, ER.DUP_ENTRY, ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK}

# PyMySQL waits for ever unless told. A lock is given up before the read is.
MYSQL = {
    "connect_timeout": 2,
    "read_timeout": 5,
    "write_timeout": 5,
    "init_command": "SET SESSION innodb_lock_wait_timeout = 3",
}
SQLITE = {"timeout": 15}  # seconds to wait for another writer


class Base(DeclarativeBase):
    pass


class DatabaseUnavailable(Exception):
    """The database is out of reach, or nobody knows whether it has committed."""


db = SQLAlchemy(model_class=Base)


def init_app(app: Flask) -> None:
    """Give the application two engines: ``db.engine`` for transactions, ``reader`` for queries.

    A query on its own needs no transaction: on autocommit it costs one round trip, and on SQLite
    it waits for no writer.
    """
    url = make_url(app.config["DATABASE_URL"])
    sqlite = url.get_backend_name() == "sqlite"
    options = {
        "connect_args": SQLITE if sqlite else MYSQL,
        "pool_size": 8,  # one for each of a worker's threads: none waits
        "max_overflow": 8,  # for a server with more of them
        "pool_reset_on_return": None,  # see _reset_mysql
    }
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    # Under REPEATABLE READ, the first adds of different users lock each other's gaps.
    isolation = {} if sqlite else {"isolation_level": "READ COMMITTED"}
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options | isolation
    reader = {"url": url, "isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    app.config["SQLALCHEMY_BINDS"] = {"reader": options | reader}
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "connect", _prepare_sqlite if sqlite else _prepare_mysql)
            event.listen(engine, "reset", _reset_sqlite if sqlite else _reset_mysql)
        if sqlite:
            event.listen(db.engine, "begin", _begin_immediate)


def _prepare_mysql(connection, _record) -> None:
    # A Galera node shall read once it has applied what the others have committed: else it does not
    # know of adds that have been answered. Other servers have no such variable, or no use for it.
    unset = "SHOW VARIABLES WHERE Variable_name = 'wsrep_sync_wait' AND Value = '0'"
    with connection.cursor() as cursor:
        if cursor.execute(unset):
            cursor.execute("SET SESSION wsrep_sync_wait = 1")


def _reset_mysql(connection, _record, _state) -> None:
    # SQLAlchemy's own ROLLBACK is one more round trip after every COMMIT; or it is none, even after
    # a COMMIT that has failed.
    if connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
        connection.rollback()


def _prepare_sqlite(connection, _record) -> None:
    connection.isolation_level = None  # BEGIN is ours: the driver would send it too late
    connection.execute("PRAGMA journal_mode = WAL")


def _reset_sqlite(connection, _record, _state) -> None:
    connection.rollback()


def _begin_immediate(connection) -> None:
    # SQLite knows no FOR UPDATE: a transaction takes the write lock before its first read.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def retried(function):
    """Run a function again from its start after a conflict or a lost connection."""

    @wraps(function)
    def run(*args, **kwargs):
        began = time.monotonic()
        while True:
            try:
                return function(*args, **kwargs)
            except DBAPIError as error:
                if time.monotonic() - began >= _patience(error):
                    raise
            metrics.RETRIES.inc()
            time.sleep(random.uniform(0, LONGEST_PAUSE))

    return run


@retried
def query(statement: Executable, **parameters) -> Sequence[Row]:
    """Run a query on its own."""
    with db.engines["reader"].connect() as connection:
        return connection.execute(statement, parameters).all()


def execute(statement: Executable, **parameters) -> CursorResult:
    """Execute a statement in the request's transaction, which begins with its first one."""
    if "connection" not in g:
        g.connection = db.engine.connect()
    return g.connection.execute(statement, parameters)


def on_commit(call: Callable[[], None]) -> None:
    """Call a function once the request's transaction is committed, and not before."""
    g.on_commit.append(call)


def transaction(view):
    """Run a view as one transaction, committed before its answer goes out.

    Models change state and never commit. Raises DatabaseUnavailable where the connection is lost
    in COMMIT: the change may or may not be stored, so it must not be tried again here.
    """

    @wraps(view)
    def run(*args, **kwargs):
        g.on_commit = []
        try:
            answer = view(*args, **kwargs)
            if "connection" in g:
                _commit()
            for call in g.on_commit:
                call()
            return answer
        finally:
            if "connection" in g:
                g.pop("connection").close()  # rolls back what is not committed

    return retried(run)


def _commit() -> None:
    try:
        g.connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable("connection lost during COMMIT") from error
        raise


def _patience(error: DBAPIError) -> float:
    if error.connection_invalidated:
        return AFTER_LOST_CONNECTION
    return AFTER_CONFLICT if error.orig.args[0] in CONFLICTS else 0
