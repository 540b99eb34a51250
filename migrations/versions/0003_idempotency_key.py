"""Clients' idempotency keys and the answers stored under them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0003"
down_revision = "0002"

# Digests and JSON are compared and kept byte by byte, whatever the server's defaults.
MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade():
    op.create_table(
        "idempotency_key",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text().with_variant(MEDIUMTEXT(), "mysql"), nullable=False),
        sa.Column("date_added", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key"),
        **MYSQL,
    )
    op.create_index("ix_idempotency_key_date_added", "idempotency_key", ["date_added"])


def downgrade():
    op.drop_table("idempotency_key")
