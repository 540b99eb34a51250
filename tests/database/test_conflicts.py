"""Lost connections and conflicts, which callers do not see, on a real server."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event

from tests.support.api import DATABASE_UNAVAILABLE, OUTCOME_UNKNOWN, add, checkout, quantities, show
from tests.support.databases import (
    application_on,
    engines_of,
    kill_all_others,
    migrate,
    mysql_only,
    sqlite_only,
)
from tests.support.failing import failing
from tests.support.insides import AFTER_CONFLICT


@mysql_only
def test_connections_that_the_server_has_closed_go_unnoticed(client, login, server):
    for _ in range(3):
        assert add(client, login).status_code == 200
        kill_all_others(server)
        assert show(client, login).status_code == 200
        kill_all_others(server)
    assert quantities(client) == [[3]]


@mysql_only
def test_a_connection_lost_during_commit_is_a_503_and_not_retried(app, client, login, server):
    add(client, login)
    commits = []

    def kill(_connection):
        commits.append(1)
        kill_all_others(server)

    engine, _ = engines_of(app)
    event.listen(engine, "commit", kill)
    try:
        answer = add(client, login)
    finally:
        event.remove(engine, "commit", kill)

    assert (answer.status_code, answer.json) == (503, OUTCOME_UNKNOWN)
    assert answer.headers["Retry-After"]
    assert commits == [1]
    assert quantities(client) == [[1]]


@mysql_only
@pytest.mark.parametrize("code", [1020, 1062, 1180, 1205, 1213, 3101])
@pytest.mark.parametrize(
    ("action", "table"), [("UPDATE", "`order`"), ("INSERT", "order_item"), ("UPDATE", "order_item")]
)
def test_a_conflict_is_retried_and_the_caller_does_not_notice(
    app, client, login, server, action, table, code
):
    add(client, login)
    if action == "INSERT":
        checkout(client, login)
    with failing(app, server, action, table, code, times=3):
        assert add(client, login).status_code == 200
    assert sum(map(sum, quantities(client))) == 2


@mysql_only
def test_a_conflict_that_does_not_end_is_a_503(app, client, login, server, monkeypatch):
    monkeypatch.setattr(*AFTER_CONFLICT, 0)
    with failing(app, server, "INSERT", "order_item", 1213, times=1):
        answer = add(client, login)
    assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
    assert quantities(client) == []


@sqlite_only
def test_first_connections_that_meet_at_a_file_go_unnoticed(new_database, user_service, login):
    migrate(new_database)
    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app:
        engine, _ = engines_of(app)
        with closing(sqlite3.connect(engine.url.database)) as other:
            other.execute("BEGIN IMMEDIATE")  # as it does while it turns the file to WAL mode
            event.listen(engine, "handle_error", lambda _: other.rollback())
            answer = add(app.test_client(), login)
            assert not other.in_transaction  # so the application's connection was refused
            assert answer.status_code == 200


@sqlite_only
def test_after_a_failed_commit_no_transaction_stays_open(app, client, login):
    """On SQLite, where a COMMIT can fail and leave its transaction open."""
    engine, _ = engines_of(app)
    engine.dispose()
    with engine.connect() as connection:  # the pool's only one
        file = connection.connection.dbapi_connection
    file.set_authorizer(lambda _, operation, *__: operation == "COMMIT")
    try:
        assert add(client, login).status_code == 503
    finally:
        file.set_authorizer(None)
    assert add(client, login).status_code == 200
    assert quantities(client) == [[1]]
