"""Transactions and queries, which are retried after a conflict or a lost connection."""

import random
import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import g
from prometheus_client import Counter
from pymysql.constants import ER
from sqlalchemy import Connection, CursorResult, Executable, Row
from sqlalchemy.exc import DBAPIError

from .database import db

P = ParamSpec("P")
T = TypeVar("T")
RETRIES = Counter("transaction_retries", "Transactions and queries that were tried again.")

# For how many seconds from its start a transaction is retried:
AFTER_CONFLICT = 10.0  # three Galera nodes that all write one cart may need that long
AFTER_LOST_CONNECTION = 1.0  # less than read_timeout, so that a hanging database is given up
LONGEST_PAUSE = 0.05  # seconds; random backoff, so that competing transactions do not collide again
# Row changed since read, rival's first add, lock wait timeout, deadlock (on Galera at COMMIT too).
CONFLICTS = {ER.CHECKREAD, ER.DUP_ENTRY, ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK}


class DatabaseUnavailable(Exception):
    """The connection was lost during COMMIT: the change may be stored or not."""


def retried(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function again from its start after a conflict or a lost connection."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.monotonic()
        while True:
            try:
                return function(*args, **kwargs)
            except DBAPIError as error:
                if time.monotonic() - began >= _patience(error):
                    raise
            RETRIES.inc()
            time.sleep(random.uniform(0, LONGEST_PAUSE))

    return run


def _patience(error: DBAPIError) -> float:
    if error.connection_invalidated:
        return AFTER_LOST_CONNECTION
    return AFTER_CONFLICT if error.orig and error.orig.args[0] in CONFLICTS else 0


@retried
def query(statement: Executable, **parameters: object) -> Sequence[Row[Any]]:
    """Run a query outside of any transaction, and return its rows."""
    with db.engines["reader"].connect() as connection:
        return connection.execute(statement, parameters).all()


def transaction(view: Callable[P, T]) -> Callable[P, T]:
    """Run a view as one transaction, which is committed before its answer goes out.

    Raises DatabaseUnavailable if the connection is lost during COMMIT: the change may be stored or
    not, so the transaction must not be retried here.
    """

    @retried
    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        g.on_commit = []
        try:
            answer = view(*args, **kwargs)
            if "connection" in g:
                _commit(g.connection)
        finally:
            on_commit = g.pop("on_commit")
            if "connection" in g:
                g.pop("connection").close()  # rolls back what is not committed
        for call in on_commit:
            call()
        return answer

    return run


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable("connection lost during COMMIT") from error
        raise


def execute(statement: Executable, **parameters: object) -> CursorResult[Any]:
    """Execute a statement in the view's transaction, which begins with its first statement.

    Raises RuntimeError outside of a view with ``transaction``, where nobody would commit it.
    """
    if "on_commit" not in g:
        raise RuntimeError("execute() needs a function that is decorated with @transaction")
    if "connection" not in g:
        g.connection = db.engine.connect()
    result: CursorResult[Any] = g.connection.execute(statement, parameters)
    return result


def on_commit(call: Callable[[], None]) -> None:
    """Call a function once the view's transaction is committed, and only then."""
    g.on_commit.append(call)
