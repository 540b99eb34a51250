"""Run the migrations, in one process at a time."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, NullPool, create_engine, text

db = current_app.extensions["migrate"].db
sqlite = db.engine.dialect.name == "sqlite"


def wait_for_turn(connection: Connection) -> None:
    """Take MySQL's named lock; the server releases it when the connection ends."""
    lock = text("SELECT GET_LOCK(CONCAT('migrations of ', LEFT(DATABASE(), 40)), 600)")
    if connection.scalar(lock) != 1:
        raise RuntimeError("another process has been migrating this database for 10 minutes")
    # Otherwise Alembic finds a transaction that is not its own, and records nothing.
    connection.commit()


# On SQLite, a transaction takes the write lock when it begins, and it includes DDL. On MySQL, a
# migration may take longer than the timeouts of the service's own connections.
engine = db.engine if sqlite else create_engine(db.engine.url, poolclass=NullPool)
with engine.connect() as connection:
    if not sqlite:
        wait_for_turn(connection)
    context.configure(
        connection=connection, target_metadata=db.metadata, transactional_ddl=sqlite or None
    )
    with context.begin_transaction():
        context.run_migrations()
