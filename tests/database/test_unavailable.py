"""Answers without the database or user-service."""

import socket

import pytest

from tests.support.api import (
    DATABASE_UNAVAILABLE,
    USER_SERVICE_UNAVAILABLE,
    add,
    checkout,
    quantities,
    show,
)
from tests.support.databases import application_on, migrate
from tests.support.insides import MYSQL_SETTINGS


@pytest.fixture
def silent():
    """A server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize(
    "state",
    ["down", pytest.param("hanging", marks=pytest.mark.slow)],  # which waits for timeouts
)
def test_without_a_database_every_answer_is_503(
    silent, state, user_service, login, monkeypatch, caplog
):
    monkeypatch.setitem(MYSQL_SETTINGS, "read_timeout", 0.3)
    url = f"mysql+pymysql://user:password@127.0.0.1:{silent.getsockname()[1]}/orders"
    if state == "down":
        silent.close()
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        client = app.test_client()
        for answer in (
            client.get("/api/orders"),
            show(client, login),
            checkout(client, login),
            add(client, login),
        ):
            assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
            assert answer.headers["Retry-After"]
    assert login["Authorization"] not in caplog.text


def test_a_change_in_a_read_only_file_is_a_503_and_changes_nothing(tmp_path, user_service, login):
    file = tmp_path / "order.db"
    migrate(f"sqlite:///{file}")
    with application_on(f"sqlite:///{file}", USER_SERVICE_URL=user_service.url) as app:
        add(app.test_client(), login)
    url = f"sqlite:///file:{file}?mode=ro&uri=true"
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        answer = add(app.test_client(), login)
        assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
        assert quantities(app.test_client()) == [[1]]


def test_without_user_service_the_answer_is_503(client, login, user_service, caplog):
    user_service.answer = lambda handler: handler.send(500, {"message": "oops"})
    for answer in (show(client, login), add(client, login)):
        assert (answer.status_code, answer.json) == (503, USER_SERVICE_UNAVAILABLE)
        assert answer.headers["Retry-After"]
    assert login["Authorization"].removeprefix("Basic ") not in caplog.text
    assert client.get("/api/orders").json == []
