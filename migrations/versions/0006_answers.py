"""What a repeated request is compared by, and the ETag of its stored answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade():
    # Null in answers that are stored already.
    op.add_column("idempotency_key", sa.Column("meaning", sa.String(64)))
    op.add_column("idempotency_key", sa.Column("etag", sa.String(32)))


def downgrade():
    op.drop_column("idempotency_key", "etag")
    op.drop_column("idempotency_key", "meaning")
