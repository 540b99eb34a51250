"""The cart and its rules."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Computed, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .database import db

MAX_INTEGER = 2**31 - 1  # of an INTEGER column


def utcnow() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class QuantityTooLarge(ValueError):
    """A line's quantity would no longer fit its column."""


class Order(db.Model):
    """A user's order: a cart while it is open, unchangeable once it is checked out."""

    __tablename__ = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    is_open: Mapped[bool] = mapped_column(default=True)
    date_added: Mapped[datetime | None] = mapped_column(default=utcnow)
    date_updated: Mapped[datetime | None] = mapped_column(default=utcnow)
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
    items: Mapped[list["OrderItem"]] = relationship(
        backref="order", order_by="OrderItem.id", lazy="joined"
    )

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    @classmethod
    def create(cls, user_id: int) -> "Order":
        """Open an order; the database allows one open order for each user."""
        order = cls(user_id=user_id, is_open=True, version=0)
        db.session.add(order)
        return order

    @classmethod
    def open_for(cls, user_id: int) -> "Order | None":
        """Return the user's open order, to be read."""
        query = select(cls).where(cls.open_user_id == user_id)
        return db.session.scalar(query, bind_arguments={"bind": db.engines["reader"]})

    @classmethod
    def lock_open_for(cls, user_id: int) -> "Order | None":
        """Return the user's open order, locked until the transaction ends."""
        query = select(cls).where(cls.open_user_id == user_id).with_for_update()
        return db.session.scalar(query)

    @classmethod
    def all(cls) -> Sequence["Order"]:
        """Return everybody's orders, oldest first."""
        query = select(cls).order_by(cls.id)
        reader = {"bind": db.engines["reader"]}
        return db.session.scalars(query, bind_arguments=reader).unique().all()

    def add_item(self, product_id: int, quantity: int) -> None:
        """Add ``quantity`` (≥ 1) of a product, to its line where the order has one.

        Raises QuantityTooLarge, before anything is changed, above 2147483647 in the line.
        """
        line = next((item for item in self.items if item.product_id == product_id), None)
        if line is None:
            self.items.append(OrderItem(product_id, quantity))
        elif line.quantity + quantity > MAX_INTEGER:
            raise QuantityTooLarge(f"qty must leave the line's quantity at most {MAX_INTEGER}")
        else:
            line.quantity += quantity
            line.date_updated = utcnow()
        self._changed()

    def checkout(self) -> None:
        """Close the order, for good."""
        self.is_open = False
        self._changed()

    def to_json(self) -> dict:
        return {
            "id": self.id,
            "user_id": self.user_id,
            "is_open": self.is_open,
            "items": [item.to_json() for item in self.items],
        }

    def _changed(self) -> None:
        self.version += 1
        self.date_updated = utcnow()
        db.session.flush()  # a lost race shows here, and a new order has its id


class OrderItem(db.Model):
    """A line of an order: a product and its quantity."""

    __tablename__ = "order_item"
    __table_args__ = (UniqueConstraint("order_id", "product_id", name="uq_order_item_product"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    product_id: Mapped[int]
    quantity: Mapped[int] = mapped_column(default=1)
    date_added: Mapped[datetime | None] = mapped_column(default=utcnow)
    date_updated: Mapped[datetime | None] = mapped_column(default=utcnow)

    def __init__(self, product_id: int, quantity: int) -> None:
        super().__init__(product_id=product_id, quantity=quantity)

    def to_json(self) -> dict:
        """Return the line; ``product`` is what the course's published service calls its product."""
        return {
            "product_id": self.product_id,
            "quantity": self.quantity,
            "product": self.product_id,
        }
