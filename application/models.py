"""The schema. What changes a cart is in ``cart``, what shows orders in ``orders``."""

from datetime import UTC, datetime

from sqlalchemy import Computed, DateTime, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import Mapped, mapped_column

from .database import Base

MAX_INTEGER = 2**31 - 1  # of an INTEGER column
# MySQL keeps whole seconds by default: too coarse to tell which of two changes came first.
EXACT_TIME = DateTime().with_variant(DATETIME(fsp=6), "mysql")


def utcnow() -> datetime:
    """Return the current time in UTC, without a time zone, as the columns hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Order(Base):
    """A user's order: a cart while it is open, unchangeable once it is checked out."""

    __tablename__ = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(index=True)
    is_open: Mapped[bool] = mapped_column(default=True)
    date_added: Mapped[datetime | None] = mapped_column(EXACT_TIME)
    date_updated: Mapped[datetime | None] = mapped_column(EXACT_TIME)
    # Changes with every change of the cart, its lines included: the nodes of a cluster detect a
    # conflict only in a row that both transactions wrote.
    version: Mapped[int] = mapped_column(server_default="1")
    # NULL in closed orders, so that the unique index allows one open order for each user. VIRTUAL,
    # because SQLite cannot add a STORED column.
    open_user_id: Mapped[int | None] = mapped_column(
        Computed("CASE WHEN is_open THEN user_id END", persisted=False), unique=True, index=True
    )


class OrderItem(Base):
    """A line of an order: a product and its quantity."""

    __tablename__ = "order_item"
    __table_args__ = (UniqueConstraint("order_id", "product_id", name="uq_order_item_product"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    product_id: Mapped[int]
    quantity: Mapped[int]
    date_added: Mapped[datetime | None] = mapped_column(EXACT_TIME)
    date_updated: Mapped[datetime | None] = mapped_column(EXACT_TIME)


# The statements of ``cart`` and ``orders`` are on these: their results are rows, never entities.
order_table = Base.metadata.tables["order"]
item_table = Base.metadata.tables["order_item"]
