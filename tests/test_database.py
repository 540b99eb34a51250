"""What a database may do to us: lost connections, conflicts, no answer at all."""

import socket
from contextlib import contextmanager, suppress

import pytest
from flask_migrate import upgrade
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError

from application import database, db, transactions
from tests.conftest import ENGINES, application_on

mysql_only = pytest.mark.parametrize("engine_name", ENGINES[1:], indirect=True, scope="session")
UNAVAILABLE = {"message": "Database unavailable"}


def add(client, login):
    return client.post("/api/order/add-item", data={"product_id": 5, "qty": 2}, headers=login)


def quantities(client):
    return [item["quantity"] for order in client.get("/api/orders").json for item in order["items"]]


def kill_all_others(server) -> int:
    """Let the server end all other connections to its database, and return their number."""
    threads = text(
        "SELECT id FROM information_schema.processlist"
        " WHERE db = DATABASE() AND id != CONNECTION_ID()"
    )
    ids = server.scalars(threads).all()
    for thread in ids:
        with suppress(OperationalError):  # it has gone by itself
            server.exec_driver_sql(f"KILL {thread}")
    return len(ids)


@mysql_only
def test_connections_that_the_server_has_closed_go_unnoticed(client, login, server):
    for _ in range(3):
        assert add(client, login).status_code == 200
        kill_all_others(server)
        assert client.get("/api/order", headers=login).status_code == 200
        kill_all_others(server)
    assert quantities(client) == [6]


@mysql_only
def test_a_connection_lost_in_commit_is_told_and_not_tried_again(app, client, login, server):
    add(client, login)

    def kill(_connection):
        commits.append(1)
        kill_all_others(server)

    commits = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "commit", kill)
    answer = add(client, login)
    event.remove(engine, "commit", kill)

    assert (answer.status_code, answer.json) == (503, UNAVAILABLE)
    assert answer.headers["Retry-After"]
    assert commits == [1]
    assert quantities(client) == [2]


@contextmanager
def failing(app, server, action, table, code, times):
    """Let the server itself fail so many times; a connection's variable outlives its rollback."""
    with app.app_context():
        db.engine.dispose()  # so that there is one connection, and one count
    server.exec_driver_sql(
        f"CREATE TRIGGER fail BEFORE {action} ON {table} FOR EACH ROW"
        f" IF COALESCE(@failures, 0) < {times} THEN"
        "  SET @failures = COALESCE(@failures, 0) + 1;"
        f" SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'secret';"
        " END IF"
    )
    yield
    server.exec_driver_sql("DROP TRIGGER fail")
    with app.app_context():
        assert db.session.scalar(text("SELECT @failures")) == times


@mysql_only
@pytest.mark.parametrize("code", [1020, 1062, 1205, 1213])
@pytest.mark.parametrize(
    ("action", "table"), [("UPDATE", "`order`"), ("INSERT", "order_item"), ("UPDATE", "order_item")]
)
def test_a_conflict_is_tried_again_unseen_by_the_caller(
    app, client, login, server, action, table, code
):
    add(client, login)
    if action == "INSERT":
        client.post("/api/order/checkout", headers=login)
    with failing(app, server, action, table, code, times=3):
        assert add(client, login).status_code == 200
    assert sum(quantities(client)) == 4


@mysql_only
def test_a_conflict_without_end_is_told_in_time(app, client, login, server, monkeypatch):
    monkeypatch.setattr(transactions, "AFTER_CONFLICT", 0)
    with failing(app, server, "INSERT", "order_item", 1213, times=1):
        answer = add(client, login)
    assert (answer.status_code, answer.json) == (503, UNAVAILABLE)
    assert quantities(client) == []


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True, scope="session")
def test_after_a_commit_that_failed_nothing_is_left_open(app, client, login):
    """On SQLite, where a COMMIT may fail and leave its transaction as it is."""
    with app.app_context():
        db.engine.dispose()
        with db.engine.connect() as connection:  # the pool's only one
            file = connection.connection.dbapi_connection
    file.set_authorizer(lambda _, operation, *__: operation == "COMMIT")
    assert add(client, login).status_code == 500
    file.set_authorizer(None)
    assert add(client, login).status_code == 200
    assert quantities(client) == [2]


@pytest.fixture
def silent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("silence", [True, False], ids=["hanging", "down"])
def test_without_a_database_the_answer_is_503(
    silent, silence, user_service, login, monkeypatch, caplog
):
    monkeypatch.setitem(database.MYSQL, "read_timeout", 0.3)
    url = make_url(f"mysql+pymysql://user:password@127.0.0.1:{silent.getsockname()[1]}/orders")
    if not silence:
        silent.close()
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        client = app.test_client()
        for answer in (
            client.get("/api/orders"),
            client.get("/api/order", headers=login),
            client.post("/api/order/checkout", headers=login),
            add(client, login),
        ):
            assert (answer.status_code, answer.json) == (503, UNAVAILABLE)
            assert answer.headers["Retry-After"]
    assert login["Authorization"] not in caplog.text


def test_a_read_only_file_is_503_and_unharmed(tmp_path, user_service, login):
    file = tmp_path / "order.db"
    with application_on(f"sqlite:///{file}", USER_SERVICE_URL=user_service.url) as app:
        with app.app_context():
            upgrade()
        add(app.test_client(), login)
    url = f"sqlite:///file:{file}?mode=ro&uri=true"
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        answer = add(app.test_client(), login)
        assert (answer.status_code, answer.json) == (503, UNAVAILABLE)
        assert quantities(app.test_client()) == [2]


def test_user_service_out_of_reach_is_503(app, client, login, user_service, caplog):
    user_service.answer = lambda handler: handler.send(500, {"message": "oops"})
    for answer in (client.get("/api/order", headers=login), add(client, login)):
        assert (answer.status_code, answer.json) == (503, {"message": "User service unavailable"})
        assert answer.headers["Retry-After"]
    assert login["Authorization"].removeprefix("Basic ") not in caplog.text
    assert client.get("/api/orders").json == []
