"""Transactions and queries, which are retried after a conflict or a lost connection."""

import random
import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import current_app
from prometheus_client import Counter
from sqlalchemy import Executable, Row, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.exc import StaleDataError

from .engines import db
from .error_codes import BUSY, CONFLICTS, READ_ONLY, code, lost_connection

P = ParamSpec("P")
T = TypeVar("T")
RETRIES = Counter("transaction_retries", "Transactions and queries that were tried again.")

# For how many seconds from its start a transaction is retried:
AFTER_CONFLICT = 9.0  # the last attempt may wait 1 more for a lock
AFTER_LOST_CONNECTION = 1.0  # less than read_timeout, so that a hanging database is given up
LONGEST_PAUSE = 0.05  # seconds
CALLS = "order_service.on_commit"  # in a session's info


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
            except (DBAPIError, StaleDataError) as error:
                patience, longest_pause = _patience(error)
                if time.monotonic() - began >= patience:
                    raise
            RETRIES.inc()
            # Random backoff, so that competing transactions do not collide again.
            time.sleep(random.uniform(0, longest_pause))

    return run


def _patience(error: DBAPIError | StaleDataError) -> tuple[float, float]:
    """Return for how many seconds to retry after an error, and the longest pause in between."""
    if isinstance(error, StaleDataError):  # another transaction has changed the row
        return AFTER_CONFLICT, LONGEST_PAUSE
    number = code(error.orig)
    if number in READ_ONLY:
        return current_app.extensions["switchover"].patience(), 0.5
    if lost_connection(error):
        return AFTER_LOST_CONNECTION, LONGEST_PAUSE
    return AFTER_CONFLICT if number in CONFLICTS | {BUSY} else 0, LONGEST_PAUSE


@retried
def query(statement: Executable, **parameters: object) -> Sequence[Row[Any]]:
    """Run a query outside of any transaction, and return its rows."""
    with db.engines["reader"].connect() as connection:
        return connection.execute(statement, parameters).all()


def transaction(view: Callable[P, T]) -> Callable[P, T]:
    """Run a view that writes as one transaction of ``db.session``, and commit it before it returns.

    Not to be nested: the inner one would commit the changes of the outer one. Raises
    OutcomeUnknown, and does not retry, if COMMIT fails and the change may be stored or not.
    """

    @retried
    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        session = db.session()
        session.expire_on_commit = False  # once the view has returned, nobody reads its objects
        try:
            answer = view(*args, **kwargs)
            session.flush()  # if this fails, nothing has changed
            _commit(session)
        except BaseException:
            session.rollback()
            raise
        finally:
            session.expire_on_commit = True
        return answer

    return run


def _commit(session: Session) -> None:
    try:
        session.commit()
    except DBAPIError as error:
        sqlite = db.engine.dialect.name == "sqlite"  # no network loses its answer
        if sqlite or code(error.orig) in CONFLICTS | READ_ONLY:
            raise
        session.invalidate()
        raise OutcomeUnknown(f"COMMIT: {error.orig}") from error
    current_app.extensions["switchover"].wrote()


def on_commit(call: Callable[[], None]) -> None:
    """Call a function once the session's transaction is committed, and only then."""
    db.session.info.setdefault(CALLS, []).append(call)


@event.listens_for(db.session, "after_commit")
def _run_calls(session: Session) -> None:
    if not session.in_nested_transaction():
        for call in session.info.pop(CALLS, ()):
            call()


@event.listens_for(db.session, "after_transaction_end")
def _drop_calls(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:  # not a savepoint, nor a flush
        session.info.pop(CALLS, None)
