"""Reading orders: from the tables' columns straight into JSON."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import FromClause, Row, Select, bindparam, select

from .models import item_table, order_table
from .transactions import query

Lines = Iterable[tuple[int, int]]  # pairs of a product and its quantity
Time = datetime | None
Versioned = tuple[dict[str, Any], int]  # an order as the API shows it, and its version
# Ids do not tell which line came first: the nodes of a cluster assign them independently.
FIRST_ADDED = item_table.c.date_added, item_table.c.id


def order_json(
    order_id: int, user_id: int, is_open: bool, lines: Lines, added: Time, updated: Time
) -> dict[str, Any]:
    """Return an order as the API shows it."""
    return {
        "id": order_id,
        "user_id": user_id,
        "is_open": is_open,
        # The course's published service calls the product's id ``product``.
        "items": [{"product_id": p, "quantity": q, "product": p} for p, q in lines],
        "date_added": _utc(added),
        "date_updated": _utc(updated),
    }


def _utc(time: Time) -> str | None:
    """Return ISO 8601 with the ``Z`` of UTC; None if the course's service has stored no time."""
    return time.isoformat(timespec="milliseconds") + "Z" if time else None


def _with_lines(orders: FromClause, *more: str) -> Select[Any]:
    columns = *orders.c["id", "date_added", "date_updated", *more], item_table.c.product_id
    return select(*columns, item_table.c.quantity).outerjoin_from(orders, item_table)


def _from_rows(rows: Sequence[Any], user_id: int, is_open: bool) -> dict[str, Any]:
    order_id, added, updated = rows[0][:3]
    # The outer join has one row for an order without lines. A line is in the last two columns.
    lines = [row[-2:] for row in rows if row[-2] is not None]
    return order_json(order_id, user_id, is_open, lines, added, updated)


def _by_order(rows: Iterable[Row[Any]]) -> Iterator[list[Row[Any]]]:
    return (list(group) for _, group in groupby(rows, attrgetter("id")))


_open_order = (
    _with_lines(order_table, "version")
    .where(order_table.c.open_user_id == bindparam("user"))
    .order_by(*FIRST_ADDED)
)


def read_open_order(user_id: int) -> Versioned | None:
    """Return the user's open order, None if there is none."""
    rows = query(_open_order, user=user_id)
    return (_from_rows(rows, user_id, is_open=True), rows[0].version) if rows else None


_one_order = (
    _with_lines(order_table, "version", "is_open")
    .where(order_table.c.id == bindparam("id"), order_table.c.user_id == bindparam("user"))
    .order_by(*FIRST_ADDED)
)


def read_order(order_id: int, user_id: int) -> Versioned | None:
    """Return one of the user's orders, None if the user has no order with this id."""
    rows = query(_one_order, id=order_id, user=user_id)
    return (_from_rows(rows, user_id, rows[0].is_open), rows[0].version) if rows else None


_all_orders = (
    select(*order_table.c["id", "user_id", "is_open", "date_added", "date_updated"])
    .where(order_table.c.id > bindparam("after"))
    .order_by(order_table.c.id)
    .limit(bindparam("limit"))
)


def _oldest_first(orders: Select[Any]) -> Select[Any]:
    page = orders.subquery("page")
    return _with_lines(page, "user_id", "is_open").order_by(page.c.id, *FIRST_ADDED)


_orders_page = _oldest_first(_all_orders)
_users_page = _oldest_first(_all_orders.where(order_table.c.user_id == bindparam("user")))


def read_orders(user_id: int | None, after: int, limit: int) -> list[dict[str, Any]]:
    """Return the orders of a user, None for everybody's: ``limit`` at most, oldest first.

    Only orders with ids above ``after`` are returned.
    """
    if user_id is None:
        rows = query(_orders_page, after=after, limit=limit)
    else:
        rows = query(_users_page, user=user_id, after=after, limit=limit)
    return [_from_rows(r, r[0].user_id, r[0].is_open) for r in _by_order(rows)]


_closed_page = (
    select(*order_table.c["id", "date_added", "date_updated"])
    .where(
        order_table.c.user_id == bindparam("user"),
        order_table.c.is_open.is_(False),
        order_table.c.id < bindparam("before"),
    )
    .order_by(order_table.c.id.desc())
    .limit(bindparam("limit"))
    .subquery("page")
)
_closed_with_lines = _with_lines(_closed_page).order_by(_closed_page.c.id.desc(), *FIRST_ADDED)


def read_closed_orders(user_id: int, before: int, limit: int) -> list[dict[str, Any]]:
    """Return the user's closed orders with ids below ``before``, ``limit`` at most, newest first.

    Ids tell the order in time: a user's order is opened after the one before it was closed.
    """
    rows = query(_closed_with_lines, user=user_id, before=before, limit=limit)
    return [_from_rows(r, user_id, is_open=False) for r in _by_order(rows)]
