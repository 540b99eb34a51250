"""How connections to the database are set up."""

import sqlite3
from contextlib import ExitStack, closing

import pytest

from tests.support.databases import engines_of, mysql_only, sqlite_only


@mysql_only
def test_transactions_are_read_committed(app):
    """Under REPEATABLE READ, first adds of different users lock each other's gaps."""
    engine, _ = engines_of(app)
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"


@sqlite_only
def test_a_sqlite_file_has_a_write_ahead_log(app):
    """With it, readers do not wait for a writer."""
    engine, _ = engines_of(app)
    with closing(sqlite3.connect(engine.url.database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def open_at_once(engine, number):
    with ExitStack() as connections:
        for _ in range(number):
            connections.enter_context(engine.connect())


@pytest.mark.parametrize("number", [0, 1], ids=["transactions", "queries"])
def test_a_pool_keeps_a_connection_for_each_thread_and_opens_as_many_more(app, number):
    engine = engines_of(app)[number]
    open_at_once(engine, 8)
    assert engine.pool.checkedin() == 8
    open_at_once(engine, 16)
