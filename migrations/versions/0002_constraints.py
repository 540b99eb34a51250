"""One open order for each user, one line for each product of an order, a version for each order.

A database of the course's service may break these rules, so its data are changed first.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations.adoption import adopt

revision = "0002"
down_revision = "0001"

COLUMNS = {
    "order": {"user_id": sa.Integer(), "is_open": sa.Boolean()},
    "order_item": dict.fromkeys(["order_id", "product_id", "quantity"], sa.Integer()),
}


def upgrade():
    prints_sql = context.is_offline_mode()
    if prints_sql:
        op.execute("-- If rows break these rules, run the upgrade itself: it changes them first")
    else:
        adopt(op.get_bind())
    set_nullable(False)

    with op.batch_alter_table("order_item") as batch:
        batch.create_unique_constraint("uq_order_item_product", ["order_id", "product_id"])
    if not prints_sql and "order_id" in indexes("order_item"):
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


def indexes(table):
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


def set_nullable(nullable):
    for table, types in COLUMNS.items():
        if op.get_bind().dialect.name == "sqlite":
            with op.batch_alter_table(table) as batch:
                for column, kind in types.items():
                    batch.alter_column(column, existing_type=kind, nullable=nullable)
        else:  # in one statement, which copies the table once
            null = "NULL" if nullable else "NOT NULL"
            changes = [f"MODIFY {column} {kind} {null}" for column, kind in types.items()]
            if not nullable:  # as 0004 and 0005 would, each with a copy of its own
                changes += ["MODIFY date_added DATETIME(6)", "MODIFY date_updated DATETIME(6)"]
            op.execute(sa.text(f"ALTER TABLE `{table}` {', '.join(changes)}"))
