"""The answers to probes, on every engine."""

import logging
from threading import Event

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from tests.support.databases import application_on, head_revision

READY = {"message": "Ready", "database": "ok", "migrations": "ok", "user_service": "ok"}


def test_healthz_checks_no_dependency(without_database, user_service):
    answer = without_database.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"message": "Alive"})
    assert user_service.asked == []


def test_with_all_its_dependencies_it_is_ready(client, user, user_service):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, READY)
    assert [headers.get("Authorization") for _, headers in user_service.asked] == [None]


def test_a_probe_logs_nothing_of_alembic_s(client, caplog):
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "alembic"):
        assert client.get("/readyz").json == READY
    assert caplog.records  # of the call of user-service, so all is captured
    assert not [record for record in caplog.records if record.name.startswith("alembic")]


def test_without_its_database_it_is_not_ready(without_database, caplog):
    answer = without_database.get("/readyz")
    parts = {"database": "unavailable", "migrations": "unknown"}
    assert (answer.status_code, answer.json) == (503, READY | parts | {"message": "Not ready"})
    assert "readiness: (2003, \"Can't connect" in caplog.text


def test_it_is_ready_only_after_the_last_migration(new_database, user_service):
    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app:
        client, seen = app.test_client(), []
        with app.app_context():
            for step in (None, upgrade, lambda: downgrade(), upgrade):
                if step:
                    step()
                answer = client.get("/readyz")
                seen.append((answer.status_code, answer.json["migrations"]))
    assert seen == [(503, "behind"), (200, "ok"), (503, "behind"), (200, "ok")]


def test_it_stays_ready_after_a_migration_by_a_newer_replica(client, server):
    server.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
    try:
        answer = client.get("/readyz")
    finally:
        server.execute(text(f"UPDATE alembic_version SET version_num = '{head_revision()}'"))
    assert (answer.status_code, answer.json) == (200, READY | {"migrations": "ahead"})


@pytest.mark.parametrize("status", [302, 500])
def test_it_reports_a_failing_user_service_but_stays_ready(client, user_service, status):
    user_service.answer = lambda handler: handler.send(status, {})
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, READY | {"user_service": "unavailable"})


def test_it_does_not_wait_for_a_hanging_user_service(client, user_service):
    over = Event()
    user_service.answer = lambda handler: over.wait(60)
    try:
        for _ in range(3):
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json) == (200, READY | {"user_service": "no answer"})
    finally:
        over.set()
