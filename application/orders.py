"""Reading orders to show them: from columns straight to JSON, at half the cost of models."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, bindparam, select

from .database.transactions import query
from .models import Order, OrderItem
from .order_json import order_json

Versioned = tuple[dict[str, Any], int]  # an order as the API shows it, and its version
ORDERS, ITEMS = Order.__table__, OrderItem.__table__
FIRST_ADDED = ITEMS.c.date_added, ITEMS.c.id


def _with_items(orders: FromClause, *more: str) -> Select[Any]:
    """Select orders with a row for each line; one row for an order without lines.

    What the caller knows is not selected: each column comes once more with each line.
    """
    columns = orders.c["id", "date_added", "date_updated", *more]
    return select(*columns, *ITEMS.c["product_id", "quantity"]).outerjoin_from(orders, ITEMS)


def _page(*conditions: ColumnElement[bool], newest_first: bool = False) -> Select[Any]:
    """Select orders of a page, ``limit`` at most, with their lines."""
    id_ = ORDERS.c.id
    page = select(ORDERS).where(*conditions).order_by(id_.desc() if newest_first else id_)
    orders = page.limit(bindparam("limit")).subquery("page")
    order = orders.c.id.desc() if newest_first else orders.c.id
    return _with_items(orders, "user_id", "is_open").order_by(order, *FIRST_ADDED)


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


def read_orders(user_id: int | None, after: int, limit: int) -> list[dict[str, Any]]:
    """Return the orders of a user, None for everybody's: ``limit`` at most, oldest first.

    Only orders with ids above ``after`` are returned.
    """
    if user_id is None:
        return _each_json(query(ALL, after=after, limit=limit))
    return _each_json(query(ALL_OF_USER, user=user_id, after=after, limit=limit))


def read_closed_orders(user_id: int, before: int, limit: int) -> list[dict[str, Any]]:
    """Return the user's closed orders with ids below ``before``, ``limit`` at most, newest first.

    Ids tell the order in time: a user's order is opened after the one before it was closed.
    """
    return _each_json(query(CLOSED, user=user_id, before=before, limit=limit))


def _json(rows: Sequence[Row[Any]], user_id: int, is_open: bool) -> dict[str, Any]:
    items = [row for row in rows if row.product_id is not None]
    return order_json(rows[0], items, user_id, is_open)


def _each_json(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    orders = [list(of_one) for _, of_one in groupby(rows, attrgetter("id"))]
    return [_json(of_one, of_one[0].user_id, of_one[0].is_open) for of_one in orders]
