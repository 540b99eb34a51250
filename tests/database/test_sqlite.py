"""SQLite's one writer: the connections of a process take turns, and nobody waits twice."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count

import pytest
from sqlalchemy import event, insert
from sqlalchemy.exc import OperationalError

from application import db
from application.models import IdempotencyKey, Order
from tests.support.api import add, quantities, statuses
from tests.support.databases import application_on, engines_of, sqlite_only
from tests.support.idempotency import stored_keys
from tests.support.insides import SQLITE_SETTINGS, SQLITE_TIMEOUT

pytestmark = sqlite_only
KEYS = count()


def write(connection):
    row = {"user_id": 1, "key": str(next(KEYS)), "request": ""}
    connection.execute(insert(IdempotencyKey).values(row))


@pytest.fixture
def engine(app):
    return engines_of(app)[0]


def test_parallel_requests_never_find_the_file_locked(app, login, user_service, monkeypatch):
    """SQLite would wait for it, but let those that wait try again at intervals: one may starve."""
    monkeypatch.setitem(SQLITE_SETTINGS, "timeout", 0)
    with application_on(app.config["DATABASE_URL"], USER_SERVICE_URL=user_service.url) as other:
        errors = []
        event.listen(engines_of(other)[0], "handle_error", errors.append)
        with ThreadPoolExecutor(8) as threads:
            keys = [login | {"Idempotency-Key": str(number // 2)} for number in range(40)]
            answers = list(threads.map(lambda key: add(other.test_client(), key), keys))
        assert statuses(answers) == {200: 40}
        assert quantities(other.test_client()) == [[20]]
    said = [str(error.original_exception) for error in errors]
    assert not [error for error in said if "UNIQUE" not in error]  # of a key that is repeated


def test_who_has_waited_for_a_turn_does_not_wait_for_the_file_as_well(engine, monkeypatch):
    with engine.connect() as first, engine.connect() as second:
        write(first)
        monkeypatch.setattr(*SQLITE_TIMEOUT, 0.1)
        with pytest.raises(OperationalError, match="database is locked"):
            write(second)
        assert second.exec_driver_sql("PRAGMA busy_timeout").scalar() == 0
        second.rollback()
        first.commit()
        write(second)


@pytest.mark.parametrize("end", ["close", "detach", "invalidate"])
def test_a_connection_that_goes_gives_its_turn_back(app, engine, monkeypatch, end):
    connection = engine.connect()
    write(connection)
    if end == "detach":
        connection.rollback()
    getattr(connection, end)()
    monkeypatch.setattr(*SQLITE_TIMEOUT, 0)  # nobody waits
    with engine.begin() as other:
        write(other)
    connection.close()
    assert stored_keys(app) == 1


def test_a_connection_on_autocommit_writes_at_once(app, engine):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        write(connection)
        assert stored_keys(app) == 1


@pytest.mark.usefixtures("context")
def test_for_update_takes_the_write_lock_until_the_transaction_ends(engine):
    def begin():
        with closing(sqlite3.connect(engine.url.database, timeout=0)) as connection:
            connection.execute("BEGIN IMMEDIATE")

    assert Order.lock_open(1) is None
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        begin()
    db.session.rollback()
    begin()
