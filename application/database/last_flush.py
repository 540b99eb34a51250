"""The last flush of a request, without the session's unit of work.

That one sorts what it writes, and looks at each relationship from both of its ends: a quarter of
the instructions of an add, whose few rows need none of it.
"""

from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, insert, inspect, update
from sqlalchemy.orm import Mapper, RelationshipDirection, Session
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PassiveFlag
from sqlalchemy.orm.exc import StaleDataError


def last_flush(session: Session) -> None:
    """Write new and changed objects as ``session.flush()`` does, then take them out of the session.

    They may still be read, but no change of them is stored any more. If it fails, roll back. Raises
    StaleDataError if another transaction has changed the version of a row.
    """
    rows = [*session.new, *session.dirty]
    if session.deleted or any(map(_has_lost, rows)):
        session.flush()
        rows = []
    session.expunge_all()  # first, or else the statements below would flush them
    for row in sorted(rows, key=lambda row: (_rank(inspect(row).mapper), row.id or 0)):
        if inspect(row).has_identity:
            _update(session, row)
        else:
            _insert(session, row)


def _has_lost(row: Any) -> bool:
    """Return whether a related object has been removed: it may have to be deleted."""
    names = inspect(row).mapper.relationships.keys()
    return any(get_history(row, name, PassiveFlag.PASSIVE_NO_INITIALIZE).deleted for name in names)


@cache
def _rank(mapper: Mapper[Any]) -> int:
    """Return the place of a model's table among all: those to which it refers come before it."""
    table: Any = mapper.local_table
    return [*table.metadata.sorted_tables].index(table)


def _insert(session: Session, row: Any) -> None:
    state = inspect(row)
    values = {name: state.dict[name] for name in _columns(state.mapper) if name in state.dict}
    for relationship in state.mapper.relationships:
        parent = state.dict.get(relationship.key)
        if relationship.direction is RelationshipDirection.MANYTOONE and parent:
            for ours, theirs in relationship.local_remote_pairs:
                values[ours.key] = getattr(parent, theirs.key)
    if (version := state.mapper.version_id_col) is not None:
        values[version.key] = 1
    result: Any = session.execute(insert(state.mapper.local_table), values)
    _take(row, result.last_inserted_params() | {"id": result.inserted_primary_key.id})


def _update(session: Session, row: Any) -> None:
    state = inspect(row)
    values = {name: state.dict[name] for name in _columns(state.mapper) - state.unmodified}
    if not values:
        return
    this = {"this_id": row.id}
    if (version := state.mapper.version_id_col) is not None:
        this["this_version"] = state.dict[version.key]
        values[version.key] = this["this_version"] + 1
    result: Any = session.execute(_update_of(state.mapper), this | values)
    if result.rowcount != 1:
        raise StaleDataError(f"{row} has been changed or deleted")
    _take(row, result.last_updated_params())


def _take(row: Any, written: dict[str, Any]) -> None:
    """Give an object the values that were written, its columns' defaults included."""
    state = inspect(row)
    for name in _columns(state.mapper) & written.keys():
        if name not in state.dict or state.dict[name] != written[name]:
            setattr(row, name, written[name])


@cache
def _update_of(mapper: Mapper[Any]) -> Update:
    """Return the UPDATE of one row. What it sets are its parameters that are named as columns."""
    table: Any = mapper.local_table
    statement = update(table).where(table.c.id == bindparam("this_id"))
    if (version := mapper.version_id_col) is not None:
        statement = statement.where(version == bindparam("this_version"))
    return statement


@cache
def _columns(mapper: Mapper[Any]) -> set[str]:
    return {*mapper.column_attrs.keys()}
