"""Writing a row by one statement, at once, instead of by a flush of the session.

A flush sorts what it writes and looks at each relationship from both ends: of an add, that is a
quarter of the instructions. Afterwards, the session and its objects are as after a flush.
"""

from functools import cache
from typing import Any

from sqlalchemy import bindparam, event, insert, inspect, update
from sqlalchemy.orm import Mapper, Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from .engines import db


def insert_row(row: Any) -> None:
    """Insert an object that is not in the session; it gets its ``id`` from the database."""
    state = inspect(row)
    result: Any = db.session.execute(_insert(state.mapper), state.dict)
    row.id = result.inserted_primary_key.id
    make_transient_to_detached(row)
    db.session.add(row)


def update_row(row: Any, **values: Any) -> None:
    """Set columns of a stored object, and count its version if it has one.

    Raises StaleDataError if another transaction has counted the version.
    """
    mapper = inspect(row).mapper
    found = {"this_id": row.id}
    if mapper.version_id_col is not None:
        found["this_version"] = row.version
        values["version"] = row.version + 1
    result: Any = db.session.execute(_update(mapper), found | values)
    if result.rowcount != 1:
        raise StaleDataError(f"{mapper} {row.id}: another transaction has changed it")
    set_stored(row, **values)


def set_stored(row: Any, **values: Any) -> None:
    """Set attributes to what the database holds, so that no flush writes them once more."""
    for name, value in values.items():
        set_committed_value(row, name, value)


@cache
def _insert(mapper: Mapper[Any]) -> Any:
    return insert(mapper.local_table)  # type: ignore[arg-type]


@cache
def _update(mapper: Mapper[Any]) -> Any:
    """Return the UPDATE of one row. What it sets are its parameters that are named as columns."""
    table: Any = mapper.local_table
    statement = update(table).where(table.c.id == bindparam("this_id"))
    if mapper.version_id_col is not None:
        statement = statement.where(table.c.version == bindparam("this_version"))
    return statement


@event.listens_for(db.session, "after_soft_rollback")
def _expire(session: Session, _ended: object) -> None:
    """Forget what a savepoint took back; the session does so only for what it has flushed."""
    session.expire_all()
