"""An order line's times to the microsecond, since lines are sorted by them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    set_dates("DATETIME(6)")


def downgrade():
    set_dates("DATETIME")


def set_dates(kind):
    # In one statement, which copies the table once. SQLite's dates have microseconds already.
    if op.get_bind().dialect.name != "sqlite":
        changes = f"MODIFY date_added {kind} NULL, MODIFY date_updated {kind} NULL"
        op.execute(sa.text(f"ALTER TABLE order_item {changes}"))
