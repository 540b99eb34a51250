"""The cart and its rules."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import (
    ColumnElement,
    Computed,
    DateTime,
    ForeignKey,
    FromClause,
    Row,
    Select,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from . import metrics
from .database import db, execute, on_commit, query

MAX_INTEGER = 2**31 - 1  # of an INTEGER column
# Whole seconds, which MySQL keeps by default, would not show each change of a cart.
EXACT_TIME = DateTime().with_variant(DATETIME(fsp=6), "mysql")


def utcnow() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class QuantityTooLarge(ValueError):
    """A line's quantity would no longer fit its column."""


class ItemNotFound(LookupError):
    """The order has no line of the product."""


class OrderEmpty(ValueError):
    """An order without lines cannot be checked out."""


class Order(db.Model):
    """A user's order: a cart while it is open, unchangeable once it is checked out."""

    __tablename__ = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(index=True)
    is_open: Mapped[bool] = mapped_column(default=True)
    date_added: Mapped[datetime | None] = mapped_column(EXACT_TIME, default=utcnow)
    date_updated: Mapped[datetime | None] = mapped_column(
        EXACT_TIME, default=utcnow, onupdate=utcnow
    )
    # Changes with every change of the cart, its lines included: a Galera node sees conflicts only
    # in rows that both transactions wrote.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    # NULL in closed orders, so that the unique index allows one open order for each user. VIRTUAL,
    # because SQLite cannot add a STORED column.
    open_user_id: Mapped[int | None] = mapped_column(
        Computed("CASE WHEN is_open THEN user_id END", persisted=False),
        unique=True,
        index=True,
        deferred=True,
    )
    items: Mapped[list["OrderItem"]] = relationship(backref="order", order_by="OrderItem.id")

    @classmethod
    def create(cls, user_id: int) -> "Order":
        """Open an order, which its first line stores; the database allows one for each user."""
        return cls(user_id=user_id, is_open=True)

    @classmethod
    def show_open(cls, user_id: int) -> dict | None:
        """Return the user's open order as ``to_json`` does."""
        return next(_in_json(query(CART, of_user=user_id)), None)

    @classmethod
    def show_page(cls, after: int, limit: int) -> list[dict]:
        """Return everybody's orders with ids above ``after``, ``limit`` at most, oldest first."""
        return list(_in_json(query(PAGE, after=after, limit=limit)))

    @classmethod
    def show_closed(cls, user_id: int, before: int, limit: int) -> list[dict]:
        """Return the user's checked-out orders with ids below ``before``, the newest first.

        A user's order is opened after the one before it was closed: ids tell when, too.
        """
        return list(_in_json(query(HISTORY, of_user=user_id, before=before, limit=limit)))

    @classmethod
    def lock_open_for(cls, user_id: int) -> "Order | None":
        """Return the user's open order, locked until the transaction ends."""
        rows = execute(LOCKED_CART, of_user=user_id).all()
        if not rows:
            return None
        order = cls(id=rows[0].id, user_id=user_id, is_open=True, date_added=rows[0].date_added)
        items = [OrderItem(line.product_id, line.quantity) for line in _lines(rows)]
        set_committed_value(order, "items", items)  # as loaded, not as changed
        return order

    def add_item(self, product_id: int, quantity: int) -> None:
        """Add ``quantity`` (≥ 1) of a product, to its line where the order has one.

        Raises QuantityTooLarge, before anything is changed, above 2147483647 in the line.
        """
        item = self._find(product_id)
        if item and item.quantity + quantity > MAX_INTEGER:
            raise QuantityTooLarge(f"qty must leave the line's quantity at most {MAX_INTEGER}")
        self._store()
        if item:
            self._change(item, item.quantity + quantity)
        else:
            self.items.append(OrderItem(product_id, quantity))
            execute(NEW_LINE, order_id=self.id, product_id=product_id, quantity=quantity)
        on_commit(metrics.ITEMS_ADDED.inc)

    def update_item(self, product_id: int, quantity: int) -> None:
        """Set the quantity (1 to 2147483647) of a product's line; raises ItemNotFound."""
        item = self._get(product_id)
        self._store()
        self._change(item, quantity)

    def remove_item(self, product_id: int) -> None:
        """Remove a product's line; the order stays, be it empty. Raises ItemNotFound."""
        item = self._get(product_id)
        self._store()
        self.items.remove(item)
        execute(REMOVE_LINE, of_order=self.id, of_product=product_id)

    def checkout(self) -> None:
        """Close the order, for good; raises OrderEmpty."""
        if not self.items:
            raise OrderEmpty("Order is empty")
        self.is_open = False
        self._store()
        on_commit(metrics.ORDERS_CHECKED_OUT.inc)

    def to_json(self) -> dict:
        return _order_json(self, self.items)

    def _find(self, product_id: int) -> "OrderItem | None":
        return next((item for item in self.items if item.product_id == product_id), None)

    def _get(self, product_id: int) -> "OrderItem":
        item = self._find(product_id)
        if item is None:
            raise ItemNotFound("Item not found")
        return item

    def _store(self) -> None:
        self.date_updated = utcnow()
        if self.id is None:
            self.date_added = self.date_updated
            dates = {"date_added": self.date_added, "date_updated": self.date_updated}
            self.id = execute(NEW_ORDER, user_id=self.user_id, **dates).inserted_primary_key.id
            on_commit(metrics.ORDERS_OPENED.inc)
        else:
            changed = {"is_open": self.is_open, "date_updated": self.date_updated}
            execute(CHANGE_ORDER, of_id=self.id, **changed)

    def _change(self, item: "OrderItem", quantity: int) -> None:
        item.quantity = quantity
        execute(CHANGE_LINE, of_order=self.id, of_product=item.product_id, quantity=quantity)


class OrderItem(db.Model):
    """A line of an order: a product and its quantity."""

    __tablename__ = "order_item"
    __table_args__ = (UniqueConstraint("order_id", "product_id", name="uq_order_item_product"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    product_id: Mapped[int]
    quantity: Mapped[int] = mapped_column(default=1)
    date_added: Mapped[datetime | None] = mapped_column(default=utcnow)
    date_updated: Mapped[datetime | None] = mapped_column(default=utcnow, onupdate=utcnow)

    def __init__(self, product_id: int, quantity: int) -> None:
        super().__init__(product_id=product_id, quantity=quantity)

    def to_json(self) -> dict:
        """Return the line; ``product`` is what the course's published service calls its product."""
        return {
            "product_id": self.product_id,
            "quantity": self.quantity,
            "product": self.product_id,
        }


def _order_json(order: Order | Row, items: Iterable[OrderItem | Row]) -> dict:
    return {
        "id": order.id,
        "user_id": order.user_id,
        "is_open": order.is_open,
        "items": [OrderItem.to_json(item) for item in items],
        "date_added": _utc(order.date_added),
        "date_updated": _utc(order.date_updated),
    }


def _utc(date: datetime | None) -> str | None:
    """Return ISO 8601 with the ``Z`` of UTC; None where the course's service has left none."""
    return date and date.isoformat(timespec="milliseconds") + "Z"


def _in_json(rows: Iterable[Row]) -> Iterator[dict]:
    """Return the orders of the rows of CART, PAGE or HISTORY."""
    for _, group in groupby(rows, attrgetter("id")):
        lines = list(group)
        yield _order_json(lines[0], _lines(lines))


def _lines(rows: list[Row]) -> list[Row]:
    # An order without lines has a row, too: the outer join's.
    return [row for row in rows if row.product_id is not None]


# The statements are on columns, and no session knows the orders: entities that one loads and
# flushes nearly double a request's CPU (``make bench``).
ORDER, LINE = Order.__table__, OrderItem.__table__
SHOWN = "id", "user_id", "is_open", "date_added", "date_updated"


def _with_lines(orders: FromClause) -> Select:
    columns = [orders.c[name] for name in SHOWN]
    return select(*columns, LINE.c.product_id, LINE.c.quantity).outerjoin_from(orders, LINE)


def _page(*criteria: ColumnElement[bool], order_by: ColumnElement[int]) -> FromClause:
    page = select(*[ORDER.c[name] for name in SHOWN]).where(*criteria).order_by(order_by)
    return page.limit(bindparam("limit")).subquery("page")


CART = _with_lines(ORDER).where(ORDER.c.open_user_id == bindparam("of_user")).order_by(LINE.c.id)
LOCKED_CART = CART.with_for_update()
ALL = _page(ORDER.c.id > bindparam("after"), order_by=ORDER.c.id)
PAGE = _with_lines(ALL).order_by(ALL.c.id, LINE.c.id)
CLOSED = _page(
    ORDER.c.user_id == bindparam("of_user"),
    ORDER.c.is_open.is_(False),
    ORDER.c.id < bindparam("before"),
    order_by=ORDER.c.id.desc(),
)
HISTORY = _with_lines(CLOSED).order_by(CLOSED.c.id.desc(), LINE.c.id)
NEW_ORDER, NEW_LINE = insert(ORDER), insert(LINE)
CHANGE_ORDER = (
    update(ORDER).where(ORDER.c.id == bindparam("of_id")).values(version=ORDER.c.version + 1)
)
OF_PRODUCT = LINE.c.order_id == bindparam("of_order"), LINE.c.product_id == bindparam("of_product")
CHANGE_LINE, REMOVE_LINE = update(LINE).where(*OF_PRODUCT), delete(LINE).where(*OF_PRODUCT)
