"""One open order for each user, one line for each product of an order, a version for each order.

A database of the course's service may break these rules. Its data are merged first: several open
orders of one user into the oldest, several lines of one product into the oldest, with the sum of
their quantities.
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

log = logging.getLogger("alembic.merge")

order = sa.table("order", sa.column("id"), sa.column("user_id"), sa.column("is_open", sa.Boolean))
item = sa.table(
    "order_item",
    *map(sa.column, ["id", "order_id", "product_id", "quantity"]),
)
MAX_INTEGER = 2**31 - 1


def upgrade():
    connection = op.get_bind()
    # To the course's service, a NULL order was not open and a NULL quantity added nothing.
    connection.execute(order.update().where(order.c.is_open.is_(None)).values(is_open=False))
    connection.execute(item.update().where(item.c.quantity.is_(None)).values(quantity=0))
    merge_open_orders(connection)
    merge_lines(connection)
    set_nullable(False)

    with op.batch_alter_table("order_item") as batch:
        batch.create_unique_constraint("uq_order_item_product", ["order_id", "product_id"])
    if "order_id" in {index["name"] for index in sa.inspect(connection).get_indexes("order_item")}:
        op.drop_index("order_id", "order_item")  # left by a downgrade; the constraint has an index
    op.add_column("order", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "order",
        sa.Column(
            "open_user_id",
            sa.Integer(),
            sa.Computed("CASE WHEN is_open THEN user_id END", persisted=False),
        ),
    )
    op.create_index("ix_order_open_user_id", "order", ["open_user_id"], unique=True)


def downgrade():
    op.drop_index("ix_order_open_user_id", "order")
    # Before any batch: Alembic cannot rebuild a table that has a generated column.
    op.drop_column("order", "open_user_id")
    op.drop_column("order", "version")
    if op.get_bind().dialect.name != "sqlite":  # MySQL needs an index for the foreign key
        op.create_index("order_id", "order_item", ["order_id"])
    with op.batch_alter_table("order_item") as batch:
        batch.drop_constraint("uq_order_item_product", type_="unique")
    set_nullable(True)


def set_nullable(nullable):
    with op.batch_alter_table("order") as batch:
        batch.alter_column("user_id", existing_type=sa.Integer(), nullable=nullable)
        batch.alter_column("is_open", existing_type=sa.Boolean(), nullable=nullable)
    with op.batch_alter_table("order_item") as batch:
        for column in ("order_id", "product_id", "quantity"):
            batch.alter_column(column, existing_type=sa.Integer(), nullable=nullable)


def merge_open_orders(connection):
    several = (
        sa.select(order.c.user_id, sa.func.min(order.c.id))
        .where(order.c.is_open, order.c.user_id.is_not(None))
        .group_by(order.c.user_id)
        .having(sa.func.count() > 1)
    )
    for user_id, oldest in connection.execute(several).all():
        younger = sa.select(order.c.id).where(
            order.c.is_open, order.c.user_id == user_id, order.c.id != oldest
        )
        ids = connection.scalars(younger).all()
        connection.execute(item.update().where(item.c.order_id.in_(ids)).values(order_id=oldest))
        connection.execute(order.delete().where(order.c.id.in_(ids)))
        log.info("user %s: merged open orders %s into %s", user_id, ids, oldest)


def merge_lines(connection):
    doubled = (
        sa.select(
            item.c.order_id, item.c.product_id, sa.func.min(item.c.id), sa.func.sum(item.c.quantity)
        )
        .where(item.c.order_id.is_not(None), item.c.product_id.is_not(None))
        .group_by(item.c.order_id, item.c.product_id)
        .having(sa.func.count() > 1)
    )
    for order_id, product_id, oldest, quantity in connection.execute(doubled).all():
        if quantity > MAX_INTEGER:
            raise ValueError(f"order {order_id}, product {product_id}: {quantity} is too much")
        same = sa.and_(item.c.order_id == order_id, item.c.product_id == product_id)
        connection.execute(item.delete().where(same, item.c.id != oldest))
        connection.execute(item.update().where(item.c.id == oldest).values(quantity=int(quantity)))
        log.info("order %s: merged lines of product %s: %s", order_id, product_id, quantity)
