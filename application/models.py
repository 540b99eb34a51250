"""The tables as models: orders with their lines and rules, and the answers kept under keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from prometheus_client import Counter
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from .database import db
from .database.transactions import on_commit
from .order_json import item_json, order_json
from .refusals import ItemNotFound, OrderClosed, OrderEmpty, OrderFull, QuantityTooLarge

MAX_INTEGER = 2**31 - 1  # of an INTEGER column
MAX_ITEMS = 500  # lines of an order: each change reads all of them, and answers with 30 KB
# MySQL keeps whole seconds by default: too coarse to tell which of two changes came first.
TIME = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
TICK = timedelta(microseconds=1)
# NULL if closed: so a user has one open order at most. SQLite cannot add a persisted column.
OPEN = sa.Computed("CASE WHEN is_open THEN user_id END", persisted=False)

ORDERS_OPENED = Counter("orders_opened", "Orders opened by their first item.")
ITEMS_ADDED = Counter("items_added", "Items added to an order, whatever their quantity.")
ORDERS_CHECKED_OUT = Counter("orders_checked_out", "Orders checked out.")


def utcnow() -> datetime:
    """Return the current time in UTC, without a time zone, as the columns hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Order(db.Model):
    """A user's order: a cart while it is open, unchangeable once it is checked out."""

    __tablename__ = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(index=True)
    is_open: Mapped[bool] = mapped_column(default=True)
    date_added: Mapped[datetime | None] = mapped_column(TIME, default=utcnow)
    date_updated: Mapped[datetime | None] = mapped_column(TIME, default=utcnow, onupdate=utcnow)
    # Changes with every change of the order, its lines included: the nodes of a cluster detect a
    # conflict only in a row that both transactions wrote. A flush counts it.
    version: Mapped[int] = mapped_column()
    open_user_id: Mapped[int | None] = mapped_column(OPEN, unique=True, index=True, deferred=True)
    items: Mapped[list["OrderItem"]] = relationship(
        backref="order",
        cascade="all, delete-orphan",
        # Ids do not tell which line came first: the nodes of a cluster assign them independently.
        order_by="(OrderItem.date_added, OrderItem.id)",
    )
    # Without eager_defaults, an INSERT does not read open_user_id back.
    __mapper_args__ = {"version_id_col": version, "eager_defaults": False}  # noqa: RUF012

    @classmethod
    def create(cls, user_id: int) -> "Order":
        """Open an order; the database allows one for each user."""
        now = utcnow()
        order = cls(user_id=user_id, is_open=True, date_added=now, date_updated=now)
        db.session.add(order)
        on_commit(ORDERS_OPENED.inc)
        return order

    @classmethod
    def lock_open(cls, user_id: int) -> "Order | None":
        """Return the user's open order, locked until the transaction ends, None without one."""
        return db.session.scalars(LOCK_OPEN, {"user": user_id}).unique().first()

    def add_item(self, product_id: int, quantity: int = 1) -> None:
        """Add ``quantity`` (1 to 2147483647) of a product, to its line if there is one.

        Raises QuantityTooLarge if the line would exceed 2147483647, and OrderFull if there would be
        more than 500 lines; changes nothing then.
        """
        line = self._find(product_id)
        total = quantity + (line.quantity if line else 0)
        if total > MAX_INTEGER:
            raise QuantityTooLarge(f"qty must leave the line's quantity at most {MAX_INTEGER}")
        if not line and len(self.items) >= MAX_ITEMS:
            raise OrderFull(f"An order has {MAX_ITEMS} items at most")
        self._touch()
        if line:
            line.quantity, line.date_updated = total, self.date_updated
        else:
            self.items.append(OrderItem(product_id, quantity, self.date_updated))
        on_commit(ITEMS_ADDED.inc)

    def update_item(self, product_id: int, quantity: int) -> None:
        """Set the quantity (1 to 2147483647) of a product's line. Raises ItemNotFound."""
        line = self._require(product_id)
        self._touch()
        line.quantity, line.date_updated = quantity, self.date_updated

    def remove_item(self, product_id: int) -> None:
        """Remove a line; the order stays open even if it is empty. Raises ItemNotFound."""
        line = self._require(product_id)
        self._touch()
        self.items.remove(line)
        db.session.flush()  # so that the product can be added again: a flush inserts, then deletes

    def clear(self) -> None:
        """Remove all lines; the order stays open."""
        self._touch()
        db.session.flush()  # which gives a new line its id
        ids = [line.id for line in self.items]
        # The session would send a statement for each line.
        db.session.execute(sa.delete(OrderItem).where(OrderItem.id.in_(ids)))
        self.items.clear()

    def checkout(self) -> None:
        """Close the order for good. Raises OrderEmpty."""
        if not self.items:
            raise OrderEmpty("Order is empty")
        self._touch()
        self.is_open = False
        on_commit(ORDERS_CHECKED_OUT.inc)

    def to_json(self) -> dict[str, Any]:
        """Return the order as the API shows it."""
        items = [(line.product_id, line.quantity) for line in self.items]
        return order_json(self, items, self.user_id, self.is_open)

    def _touch(self) -> None:
        """Change the order's own row, as each change must. Raises OrderClosed.

        Its time is later than any before, whatever the clocks of instances say: lines keep their
        order by it.
        """
        if self.is_open is False:  # None: a new order that is not stored yet
            raise OrderClosed("Order is closed")
        if self.id is None and not self.items:
            return  # it has just been opened
        times = self.date_updated, *(line.date_added for line in self.items[-1:])
        self.date_updated = max([utcnow(), *(time + TICK for time in times if time)])

    def _find(self, product_id: int) -> "OrderItem | None":
        return next((line for line in self.items if line.product_id == product_id), None)

    def _require(self, product_id: int) -> "OrderItem":
        if (line := self._find(product_id)) is None:
            raise ItemNotFound("Item not found")
        return line


class OrderItem(db.Model):
    """A line of an order: a product and its quantity."""

    __tablename__ = "order_item"
    __table_args__ = (sa.UniqueConstraint("order_id", "product_id", name="uq_order_item_product"),)

    # What no rule reads is deferred: loaded only if somebody asks for it.
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("order.id"), deferred=True)
    product_id: Mapped[int]
    quantity: Mapped[int]
    date_added: Mapped[datetime | None] = mapped_column(TIME, default=utcnow)
    date_updated: Mapped[datetime | None] = mapped_column(
        TIME, default=utcnow, onupdate=utcnow, deferred=True
    )

    def __init__(self, product_id: int, quantity: int = 1, added: datetime | None = None) -> None:
        times = {"date_added": added, "date_updated": added}
        super().__init__(product_id=product_id, quantity=quantity, **times)

    def to_json(self) -> dict[str, Any]:
        """Return the line as the API shows it."""
        return item_json(self.product_id, self.quantity)


LOCK_OPEN = (
    sa.select(Order)
    .options(joinedload(Order.items))
    .where(Order.open_user_id == sa.bindparam("user"))
    .with_for_update()
    .execution_options(populate_existing=True)  # what the session has may be older than the lock
)


class IdempotencyKey(db.Model):
    """A user's key, the request that it stands for, and that request's answer."""

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Digests: no collation takes two of them for one.
    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    request: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(sa.Text().with_variant(MEDIUMTEXT(), "mysql"), default="")
    etag: Mapped[str | None] = mapped_column(sa.String(32))
    # By the database's clock: those of instances may differ. Its sessions are in UTC.
    date_added: Mapped[datetime] = mapped_column(default=sa.func.now(), index=True)
