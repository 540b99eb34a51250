"""One digest of the request for each idempotency key."""

import sqlalchemy as sa
from alembic import context, op

revision = "0007"
down_revision = "0006"


def upgrade():
    if not context.is_offline_mode() and "meaning" not in columns():
        return  # an interrupted run has dropped it
    # Replicas compared by the meaning, and by the other digest where there was none.
    keys = "UPDATE idempotency_key SET request = meaning WHERE meaning IS NOT NULL"
    op.execute(sa.text(keys))
    op.drop_column("idempotency_key", "meaning")


def downgrade():
    op.add_column("idempotency_key", sa.Column("meaning", sa.String(64)))
    op.execute(sa.text("UPDATE idempotency_key SET meaning = request"))


def columns():
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns("idempotency_key")}
