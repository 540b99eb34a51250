"""What probes are told, on every engine."""

from threading import Event

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from tests.conftest import application_on

READY = {"message": "Ready", "database": "ok", "migrations": "ok", "user_service": "ok"}


def test_a_process_that_serves_is_alive_and_asks_nobody(without_database, user_service):
    answer = without_database.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"message": "Alive"})
    assert user_service.asked == []


def test_with_all_its_parts_it_is_ready(client, user, user_service):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, READY)
    assert [headers.get("Authorization") for _, headers in user_service.asked] == [None]


def test_without_its_database_it_is_not_ready(without_database, caplog):
    answer = without_database.get("/readyz")
    parts = {"database": "unavailable", "migrations": "unknown"}
    assert (answer.status_code, answer.json) == (503, READY | parts | {"message": "Not ready"})
    assert "readiness: (2003, \"Can't connect" in caplog.text


def test_it_is_ready_with_the_last_migration_and_not_before(new_database, user_service):
    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app:
        client, seen = app.test_client(), []
        with app.app_context():
            for step in (None, upgrade, lambda: downgrade(revision="0004"), upgrade):
                if step:
                    step()
                answer = client.get("/readyz")
                seen.append((answer.status_code, answer.json["migrations"]))
    assert seen == [(503, "behind"), (200, "ok"), (503, "behind"), (200, "ok")]


def test_a_migration_of_a_newer_replica_does_not_stop_it(client, server):
    server.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
    try:
        answer = client.get("/readyz")
    finally:
        server.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    assert (answer.status_code, answer.json) == (200, READY | {"migrations": "ahead"})


@pytest.mark.parametrize("status", [302, 500])
def test_a_user_service_that_fails_is_told_and_no_reason_to_stop(client, user_service, status):
    user_service.answer = lambda handler: handler.send(status, {})
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, READY | {"user_service": "unavailable"})


def test_a_user_service_that_hangs_is_not_waited_for(client, user_service):
    goes_on = Event()
    user_service.answer = lambda handler: goes_on.wait(20)
    for _ in range(3):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json) == (200, READY | {"user_service": "no answer"})
    goes_on.set()
