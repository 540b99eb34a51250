"""How connections to the database are set up."""

import sqlite3
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import text

from tests.support.databases import application_on, engines_of, mysql_only, sqlite_only
from tests.support.insides import MAX_AGE


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


def connection_id(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT CONNECTION_ID()"))


@mysql_only
@pytest.mark.parametrize(("age", "kept"), [(0, False), (None, True)], ids=["old", "new"])
def test_a_connection_of_some_age_is_replaced(app, monkeypatch, age, kept):
    """One that only reads does not notice that another server has taken over."""
    module, name = MAX_AGE
    assert getattr(module, name) < 30  # seconds
    if age is not None:
        monkeypatch.setattr(module, name, age)
    with application_on(app.config["DATABASE_URL"]) as other:
        for engine in engines_of(other):
            assert (connection_id(engine) == connection_id(engine)) is kept


@mysql_only
def test_a_connection_has_an_sql_mode_of_its_own(app):
    """The server's default may change what a statement means."""
    for engine in engines_of(app):
        with engine.connect() as connection:
            modes = connection.scalar(text("SELECT @@sql_mode"))
            assert modes == "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
