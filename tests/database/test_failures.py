"""503 only for what passes; a programming error is a 500, and its traceback is in the log."""

import pytest
from flask_migrate import downgrade, upgrade

from tests.support.api import DATABASE_UNAVAILABLE, add, quantities, show, statuses
from tests.support.databases import application_on, execute, mysql_only
from tests.support.failing import failing

SERVER_ERROR = {"message": "Internal server error"}


@mysql_only
@pytest.mark.parametrize("code", [3, 1021, 1026, 1030, 1040, 1053, 1114, 1203, 1317, 3024, 3797])
def test_what_passes_is_a_503_and_changes_nothing(app, client, login, server, code, caplog):
    with failing(app, server, "INSERT", "order_item", code):
        answer = add(client, login)
    assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
    assert answer.headers["Retry-After"]
    assert f"database: ({code}, " in caplog.text
    assert "Traceback" not in caplog.text
    assert quantities(client) == []


@mysql_only
@pytest.mark.parametrize("code", [1142, 1305, 1364])
def test_a_programming_error_is_a_500_with_its_traceback(app, client, login, server, code, caplog):
    with failing(app, server, "INSERT", "order_item", code):
        answer = add(client, login)
    assert (answer.status_code, answer.json) == (500, SERVER_ERROR)
    assert "Retry-After" not in answer.headers
    assert "Traceback" in caplog.text
    assert quantities(client) == []


@mysql_only
def test_a_table_that_is_missing_while_a_dump_is_restored_is_a_503(client, login, server, caplog):
    server.exec_driver_sql("RENAME TABLE order_item TO dropped")
    answers = [add(client, login), show(client, login), client.get("/api/orders")]
    answers.append(client.get("/readyz"))
    server.exec_driver_sql("RENAME TABLE dropped TO order_item")
    assert statuses(answers) == {503: 4}
    assert caplog.text.count("database: (1146, ") == 3
    assert "Traceback" not in caplog.text
    assert add(client, login).status_code == 200


@pytest.fixture
def new_app(new_database, user_service):
    """An application on an empty database, with its context."""
    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app, app.app_context():
        yield app


def test_an_unknown_column_is_a_500_with_its_traceback(new_app, login, caplog):
    upgrade()
    execute("ALTER TABLE order_item RENAME COLUMN quantity TO amount")
    answer = show(new_app.test_client(), login)
    assert (answer.status_code, answer.json) == (500, SERVER_ERROR)
    assert "Traceback" in caplog.text


def migrate_halfway():
    upgrade()
    downgrade(revision="0001")


@pytest.mark.parametrize("migrate", [lambda: None, migrate_halfway], ids=["empty", "behind"])
def test_a_database_that_is_not_migrated_is_a_503_and_the_log_says_what_to_do(
    new_app, login, caplog, migrate
):
    migrate()
    for call in (add, show):
        answer = call(new_app.test_client(), login)
        assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
    assert caplog.text.count("lacks a migration: run `flask db upgrade`") == 2
    assert "Traceback" not in caplog.text
    upgrade()
    assert add(new_app.test_client(), login).status_code == 200
