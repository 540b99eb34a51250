"""An index for a user's closed orders, and an order's times to the microsecond."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    set_dates("DATETIME(6)")
    op.create_index("ix_order_user_id", "order", ["user_id"])


def downgrade():
    op.drop_index("ix_order_user_id", "order")
    set_dates("DATETIME")


def set_dates(kind):
    # In one statement, which copies the table once. SQLite's dates have microseconds already.
    if op.get_bind().dialect.name != "sqlite":
        changes = f"MODIFY date_added {kind} NULL, MODIFY date_updated {kind} NULL"
        op.execute(sa.text(f"ALTER TABLE `order` {changes}"))
