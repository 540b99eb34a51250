"""What an upgrade checks and needs on a server of MySQL or MariaDB."""

import logging

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from migrations.statements import PATIENCE

log = logging.getLogger("alembic.mysql")

TURN = text(f"SELECT GET_LOCK(CONCAT('migrations of ', LEFT(DATABASE(), 40)), {PATIENCE})")
SEVERAL_PRIMARIES = text(
    "SHOW VARIABLES WHERE Variable_name = 'group_replication_single_primary_mode' AND Value = 'OFF'"
)
MEMBERS = text("SELECT COUNT(*) FROM performance_schema.replication_group_members")
OTHER_ENGINES = text(
    "SELECT table_name, engine FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND engine != 'InnoDB' ORDER BY table_name"
)


def wait_for_turn(connection):
    """Take MySQL's named lock; the server releases it when the connection ends.

    Raises RuntimeError after ten minutes.
    """
    taken = connection.scalar(TURN)
    if taken is None:
        raise RuntimeError("The server gives no lock to migrate: DATABASE_URL must name a database")
    if not taken:
        raise RuntimeError("Another process has been migrating this database for 10 minutes")


def refuse_several_primaries(connection):
    """Raise RuntimeError in a group with several primaries: DDL beside other writes ends it."""
    if connection.execute(SEVERAL_PRIMARIES).first() and has_other_members(connection):
        raise RuntimeError(
            "A migration would end this group of several primaries. Before it, run SELECT"
            " group_replication_switch_to_single_primary_mode() on this server, and after it SELECT"
            " group_replication_switch_to_multi_primary_mode()"
        )


def has_other_members(connection):
    try:
        return connection.scalar(MEMBERS) > 1
    except DBAPIError:
        return True  # the service's user seldom may read that table


def other_tables(connection, ours):
    """Return those of our tables that are not InnoDB, with their engines."""
    return [row for row in connection.execute(OTHER_ENGINES) if row[0] in ours]


def convert_tables(connection, ours):
    """Make our tables InnoDB: other engines have neither transactions nor foreign keys."""
    for table, engine in other_tables(connection, ours):
        log.warning("Table %s: converting it from %s to InnoDB", table, engine)
        change = f"ALTER TABLE `{table}` ENGINE = InnoDB"
        if table == "order_item":
            change += ", ADD FOREIGN KEY (order_id) REFERENCES `order` (id)"
        connection.execute(text(change))
