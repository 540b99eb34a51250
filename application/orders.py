"""Reading orders to show them: from columns straight to JSON, at half the cost of models."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, bindparam, select

from .database.transactions import query
from .models import MAX_INTEGER, Order, OrderItem
from .order_json import order_json

Versioned = tuple[dict[str, Any], int]  # an order as the API shows it, and its version
Page = tuple[list[dict[str, Any]], bool]  # orders as the API shows them, and whether more follow
ORDERS, ITEMS = Order.__table__, OrderItem.__table__
FIRST_ADDED = ITEMS.c.date_added.label("added"), ITEMS.c.id.label("line")
MAX_ROWS = 5000  # that a page reads: it ends earlier if its orders are long


def _with_items(orders: FromClause, *more: str) -> Select[Any]:
    """Select orders with a row for each line; one row for an order without lines.

    What the caller knows is not selected: each column comes once more with each line.
    """
    columns = orders.c["id", "date_added", "date_updated", *more]
    # A line's product and quantity come first: see _json. By name, a row's values are read slowly.
    return select(*ITEMS.c["product_id", "quantity"], *columns).outerjoin_from(orders, ITEMS)


def _page(*conditions: ColumnElement[bool], newest_first: bool = False) -> Select[Any]:
    """Select orders of a page, ``limit`` at most, with their lines, ``rows`` at most in all.

    An order's lines are not sorted: the database would read all of the page before the first row.
    """
    id_ = ORDERS.c.id
    page = select(ORDERS).where(*conditions).order_by(id_.desc() if newest_first else id_)
    orders = page.limit(bindparam("limit")).subquery("page")
    order = orders.c.id.desc() if newest_first else orders.c.id
    lines = _with_items(orders, "user_id", "is_open").add_columns(*FIRST_ADDED)
    return lines.order_by(order).limit(bindparam("rows"))


OF_USER = ORDERS.c.user_id == bindparam("user")
THIS = (OF_USER, ORDERS.c.id == bindparam("id"))
ONE = _with_items(ORDERS, "is_open", "version").where(*THIS).order_by(*FIRST_ADDED)
IS_OPEN = ORDERS.c.open_user_id == bindparam("user")
OPEN = _with_items(ORDERS, "version").where(IS_OPEN).order_by(*FIRST_ADDED)
ALL = _page(ORDERS.c.id > bindparam("after"))
ALL_OF_USER = _page(ORDERS.c.id > bindparam("after"), OF_USER)
IS_CLOSED = ORDERS.c.is_open.is_(False)
CLOSED = _page(OF_USER, IS_CLOSED, ORDERS.c.id < bindparam("before"), newest_first=True)


def read_open_order(user_id: int) -> Versioned | None:
    """Return the user's open order, None if there is none."""
    rows = query(OPEN, user=user_id)
    return (_json(rows, user_id, is_open=True), rows[0].version) if rows else None


def read_order(order_id: int, user_id: int) -> Versioned | None:
    """Return one of the user's orders, None if the user has no order with this id."""
    rows = query(ONE, id=order_id, user=user_id)
    return (_json(rows, user_id, rows[0].is_open), rows[0].version) if rows else None


def read_orders(user_id: int | None, after: int, limit: int) -> Page:
    """Return the orders of a user, None for everybody's: ``limit`` at most, oldest first.

    Only orders with ids above ``after`` are returned.
    """
    if user_id is None:
        return _read(ALL, limit, after=after)
    return _read(ALL_OF_USER, limit, user=user_id, after=after)


def read_closed_orders(user_id: int, before: int, limit: int) -> Page:
    """Return the user's closed orders with ids below ``before``, ``limit`` at most, newest first.

    Ids tell the order in time: a user's order is opened after the one before it was closed.
    """
    return _read(CLOSED, limit, user=user_id, before=before)


def _read(page: Select[Any], limit: int, **parameters: int) -> Page:
    rows = query(page, limit=limit + 1, rows=MAX_ROWS, **parameters)
    cut_off = len(rows) == MAX_ROWS
    too_long = cut_off and rows[0].id == rows[-1].id  # adopted: an order has fewer lines
    if too_long:
        rows = query(page, limit=1, rows=MAX_INTEGER, **parameters)
    orders = [list(of_one) for _, of_one in groupby(rows, attrgetter("id"))]
    if cut_off and not too_long:
        orders.pop()  # its lines may not be complete
    more = cut_off or len(orders) > limit
    for of_one in orders:
        of_one.sort(key=_first_added)
    return [_json(of_one, of_one[0].user_id, of_one[0].is_open) for of_one in orders[:limit]], more


def _first_added(row: Row[Any]) -> tuple[datetime, int]:
    return row.added or datetime.min, row.line


def _json(rows: Sequence[Row[Any]], user_id: int, is_open: bool) -> dict[str, Any]:
    items = [row[:2] for row in rows if row[0] is not None]
    return order_json(rows[0], items, user_id, is_open)
