"""Where several nodes are primaries, a migration beside writes would end the group."""

import pytest
from flask_migrate import upgrade
from sqlalchemy import inspect

from application.database import db
from tests.support.cluster import NODES, database_on
from tests.support.databases import application_on, execute_on, migrate


@pytest.fixture
def empty(nodes):
    """The URL of an empty database."""
    execute_on(NODES[0], "CREATE DATABASE order_cluster_empty")
    try:
        yield database_on(NODES[0], "order_cluster_empty")
    finally:
        execute_on(NODES[0], "DROP DATABASE order_cluster_empty")


def test_a_pending_migration_is_refused_with_a_way_out(empty, caplog):
    with application_on(empty) as app, app.app_context():
        with pytest.raises(SystemExit):
            upgrade()
        assert "group_replication_switch_to_single_primary_mode()" in caplog.text
        assert inspect(db.engine).get_table_names() == []


def test_an_upgrade_without_a_pending_migration_is_none(nodes):
    migrate(nodes[2])
