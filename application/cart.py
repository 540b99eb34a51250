"""The cart: a user's open order, its rules, and the statements that change it.

A plain object, without a SQLAlchemy session: entities in a session double an add's CPU time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Update, bindparam, delete, insert, select, update

from .models import MAX_INTEGER, item_table, order_table, utcnow
from .orders import FIRST_ADDED, order_json
from .transactions import execute, on_commit

ORDERS_OPENED = Counter("orders_opened", "Orders opened by their first item.")
ITEMS_ADDED = Counter("items_added", "Items added to an order, regardless of their quantity.")
ORDERS_CHECKED_OUT = Counter("orders_checked_out", "Orders checked out.")


class QuantityTooLarge(ValueError):
    """A line's quantity would no longer fit its column."""


class ItemNotFound(LookupError):
    """The order has no line for the product."""


class OrderEmpty(ValueError):
    """An order without lines cannot be checked out."""


@dataclass
class Cart:
    """A user's open order, locked until the transaction ends."""

    id: int
    user_id: int
    version: int  # increases with every change
    lines: dict[int, int]  # quantities by product, in the order in which they were first added
    date_added: datetime | None
    date_updated: datetime | None = None  # None until this transaction changes the order
    is_open: bool = True

    _lock = (
        select(*order_table.c["id", "version", "date_added"])
        .add_columns(*item_table.c["product_id", "quantity"])
        .outerjoin_from(order_table, item_table)
        .where(order_table.c.open_user_id == bindparam("user"))
        .order_by(*FIRST_ADDED)
        .with_for_update()
    )

    @classmethod
    def lock(cls, user_id: int) -> "Cart | None":
        """Return the user's open order, None if there is none."""
        rows: Sequence[Any] = execute(cls._lock, user=user_id).all()
        if not rows:
            return None
        # The outer join has one row for an order without lines.
        lines = {product: quantity for *_, product, quantity in rows if product is not None}
        order_id, version, date_added = rows[0][:3]
        return cls(order_id, user_id, version, lines, date_added)

    _insert = insert(order_table)

    @classmethod
    def create(cls, user_id: int) -> "Cart":
        """Open an order; the database allows one for each user."""
        now = utcnow()
        row = {"user_id": user_id, "is_open": True, "date_added": now, "date_updated": now}
        order_id = execute(cls._insert, **row).lastrowid
        on_commit(ORDERS_OPENED.inc)
        return cls(order_id, user_id, 1, {}, now, now)  # 1: the column's default

    _insert_line = insert(item_table)

    def add_item(self, product_id: int, quantity: int) -> None:
        """Add ``quantity`` (1 to 2147483647) of a product, to its line if there is one.

        Raises QuantityTooLarge, and changes nothing, if the line would exceed 2147483647.
        """
        total = self.lines.get(product_id, 0) + quantity
        if total > MAX_INTEGER:
            raise QuantityTooLarge(f"qty must leave the line's quantity at most {MAX_INTEGER}")
        if product_id in self.lines:
            self._set_quantity(product_id, total)
        else:
            now = self._touch()
            line = {"order_id": self.id, "product_id": product_id, "quantity": quantity}
            execute(self._insert_line, **line, date_added=now, date_updated=now)
            self.lines[product_id] = quantity
        on_commit(ITEMS_ADDED.inc)

    def update_item(self, product_id: int, quantity: int) -> None:
        """Set the quantity (1 to 2147483647) of a product's line. Raises ItemNotFound."""
        self._require_line(product_id)
        self._set_quantity(product_id, quantity)

    _this_line = (
        item_table.c.order_id == bindparam("of_order"),
        item_table.c.product_id == bindparam("of_product"),
    )
    _delete_line = delete(item_table).where(*_this_line)

    def remove_item(self, product_id: int) -> None:
        """Remove a line; the order stays open even if it is empty. Raises ItemNotFound."""
        self._require_line(product_id)
        self._touch()
        execute(self._delete_line, of_order=self.id, of_product=product_id)
        del self.lines[product_id]

    _delete_lines = delete(item_table).where(item_table.c.order_id == bindparam("of_order"))

    def clear(self) -> None:
        """Remove all lines; the order stays open."""
        self._touch()
        execute(self._delete_lines, of_order=self.id)
        self.lines.clear()

    _touch_order = (
        update(order_table)
        .where(order_table.c.id == bindparam("of_id"))
        .values(version=order_table.c.version + 1)
    )
    _close = _touch_order.values(is_open=False)

    def checkout(self) -> None:
        """Close the order for good. Raises OrderEmpty."""
        if not self.lines:
            raise OrderEmpty("Order is empty")
        self._update_order(self._close)
        self.is_open = False
        on_commit(ORDERS_CHECKED_OUT.inc)

    def to_json(self) -> dict[str, Any]:
        """Return the order as the API shows it."""
        dates = self.date_added, self.date_updated
        return order_json(self.id, self.user_id, self.is_open, self.lines.items(), *dates)

    def _touch(self) -> datetime:
        """Change the order's own row, once in a transaction, and return the time of the change."""
        return self.date_updated or self._update_order(self._touch_order)

    def _update_order(self, statement: Update) -> datetime:
        self.date_updated = utcnow()
        execute(statement, of_id=self.id, date_updated=self.date_updated)
        self.version += 1
        return self.date_updated

    _update_line = update(item_table).where(*_this_line)

    def _set_quantity(self, product_id: int, quantity: int) -> None:
        changed = {"quantity": quantity, "date_updated": self._touch()}
        execute(self._update_line, of_order=self.id, of_product=product_id, **changed)
        self.lines[product_id] = quantity

    def _require_line(self, product_id: int) -> None:
        if product_id not in self.lines:
            raise ItemNotFound("Item not found")
