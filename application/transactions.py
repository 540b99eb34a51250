"""Transactions and queries, which are retried after a conflict or a lost connection."""

import random
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import current_app
from prometheus_client import Counter
from sqlalchemy import Connection, CursorResult, Executable, Row
from sqlalchemy.exc import DBAPIError

from .database import db
from .failures import BUSY, CONFLICTS, READ_ONLY, code, lost_connection

P = ParamSpec("P")
T = TypeVar("T")
RETRIES = Counter("transaction_retries", "Transactions and queries that were tried again.")

# For how many seconds from its start a transaction is retried:
AFTER_CONFLICT = 9.0  # the last attempt may wait 1 more for a lock
AFTER_LOST_CONNECTION = 1.0  # less than read_timeout, so that a hanging database is given up
LONGEST_PAUSE = 0.05  # seconds


class OutcomeUnknown(Exception):
    """COMMIT failed in a way that does not tell whether the change is stored."""


def retried(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function again from its start after a conflict or a lost connection."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.monotonic()
        while True:
            try:
                return function(*args, **kwargs)
            except DBAPIError as error:
                patience, longest_pause = _retries(error)
                if time.monotonic() - began >= patience:
                    raise
            RETRIES.inc()
            # Random backoff, so that competing transactions do not collide again.
            time.sleep(random.uniform(0, longest_pause))

    return run


def _retries(error: DBAPIError) -> tuple[float, float]:
    """Return for how many seconds to retry after an error, and the longest pause in between."""
    if code(error.orig) in READ_ONLY:
        return current_app.extensions["failover"].patience(), 0.5
    if lost_connection(error):
        return AFTER_LOST_CONNECTION, LONGEST_PAUSE
    return AFTER_CONFLICT if code(error.orig) in CONFLICTS | {BUSY} else 0, LONGEST_PAUSE


@retried
def query(statement: Executable, **parameters: object) -> Sequence[Row[Any]]:
    """Run a query outside of any transaction, and return its rows."""
    with db.engines["reader"].connect() as connection:
        return connection.execute(statement, parameters).all()


class Transaction:
    """All that a view reads and changes."""

    connection: Connection | None = None  # from the first statement on
    wrote = False

    def __init__(self) -> None:
        self.on_commit: list[Callable[[], None]] = []

    def execute(self, statement: Executable, parameters: dict[str, object]) -> CursorResult[Any]:
        self.connection = self.connection or db.engine.connect()
        self.wrote = self.wrote or not statement.is_select
        return self.connection.execute(statement, parameters)

    def commit(self) -> None:
        if self.connection is None:
            return
        try:
            self.connection.commit()
        except DBAPIError as error:
            sqlite = self.connection.dialect.name == "sqlite"  # no network loses its answer
            if sqlite or code(error.orig) in CONFLICTS | READ_ONLY:
                raise
            self.connection.invalidate()
            raise OutcomeUnknown(f"COMMIT: {error.orig}") from error
        if self.wrote:
            current_app.extensions["failover"].wrote()

    def close(self) -> None:
        """Roll back what is not committed."""
        if self.connection:
            self.connection.close()


# Faster than Flask's ``g``, which each statement would need several times.
_current: ContextVar[Transaction | None] = ContextVar("transaction", default=None)


def transaction(view: Callable[P, T]) -> Callable[P, T]:
    """Run a view as one transaction, which is committed before its answer goes out.

    Raises OutcomeUnknown if COMMIT fails and the change may be stored or not: then the transaction
    must not be retried here.
    """

    @retried
    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        this = Transaction()
        token = _current.set(this)
        try:
            answer = view(*args, **kwargs)
            this.commit()
        finally:
            _current.reset(token)
            this.close()
        for call in this.on_commit:
            call()
        return answer

    return run


def execute(statement: Executable, **parameters: object) -> CursorResult[Any]:
    """Execute a statement in the view's transaction, which begins with its first statement.

    Raises RuntimeError outside of a view with ``transaction``, where nobody would commit it.
    """
    return _this().execute(statement, parameters)


def on_commit(call: Callable[[], None]) -> None:
    """Call a function once the view's transaction is committed, and only then."""
    _this().on_commit.append(call)


def _this() -> Transaction:
    if (this := _current.get()) is None:
        raise RuntimeError("only in a function that is decorated with @transaction")
    return this
