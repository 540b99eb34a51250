"""The answers to probes, on every engine."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from application.order_api.bounded_get import MAX_CALLS
from tests.support.databases import application_on, execute, head_revision
from tests.support.processes import until

READY = {"message": "Ready", "database": "ok", "migrations": "ok", "user_service": "ok"}


def test_healthz_checks_no_dependency(without_database, user_service):
    answer = without_database.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"message": "Alive"})
    assert user_service.asked == []


def test_with_all_its_dependencies_it_is_ready(client, user, user_service):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, READY)
    assert [headers.get("Authorization") for _, headers in user_service.asked] == [None]


def test_a_probe_logs_no_line_of_alembic_s(client, caplog):
    caplog.set_level(logging.DEBUG)
    client.get("/readyz").close()
    names = {record.name for record in caplog.records}
    assert "application" in names  # the request's own line
    assert not [name for name in names if name.startswith("alembic")]


def test_without_its_database_it_is_not_ready(without_database, caplog):
    answer = without_database.get("/readyz")
    parts = {"database": "unavailable", "migrations": "unknown"}
    assert (answer.status_code, answer.json) == (503, READY | parts | {"message": "Not ready"})
    assert answer.headers["Retry-After"] == "2"
    assert "readiness: (2003, \"Can't connect" in caplog.text


def test_it_is_ready_only_after_the_last_migration(new_database, user_service):
    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app:
        client, seen = app.test_client(), []
        with app.app_context():
            base = partial(downgrade, revision="base")
            for step in (None, upgrade, lambda: downgrade(), upgrade, base, upgrade):
                if step:
                    step()
                answer = client.get("/readyz")
                assert answer.json["database"] == "ok"
                seen.append((answer.status_code, answer.json["migrations"]))
    assert seen == [(503, "behind"), (200, "ok")] * 3


def test_the_database_of_another_service_is_foreign_whatever_its_tables_are(new_database):
    with application_on(new_database) as app:
        with app.app_context():
            upgrade()
            downgrade(revision="base")
            execute("INSERT INTO alembic_version VALUES ('b1e4a9d0c3f7')")
        answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["migrations"]) == (503, "foreign")


@pytest.mark.parametrize(
    ("revision", "state", "status"),
    [("9999", "ahead", 200), ("b1e4a9d0c3f7", "foreign", 503)],
)
def test_it_stays_ready_after_a_migration_by_a_newer_replica_only(
    client, server, revision, state, status
):
    """The course's own migrations have other numbers."""
    server.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    try:
        answer = client.get("/readyz")
    finally:
        server.execute(text(f"UPDATE alembic_version SET version_num = '{head_revision()}'"))
    assert answer.status_code == status
    assert answer.json["migrations"] == state


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


def test_it_does_not_wait_for_a_free_call_of_user_service(app, client, user_service):
    over = Event()

    def hang(handler):
        over.wait(60)
        handler.not_logged_in()  # without an answer, the call would be made again

    user_service.answer = hang
    with ThreadPoolExecutor(MAX_CALLS) as threads:
        try:
            for number in range(MAX_CALLS):
                headers = {"Authorization": f"key{number}"}
                threads.submit(app.test_client().get, "/api/order", headers=headers)
            until(lambda: sum(key != "" for key, _ in user_service.asked) >= MAX_CALLS)
            began = time.monotonic()
            answer = client.get("/readyz")
            assert time.monotonic() - began < 10  # seconds; other callers would wait for 15
        finally:
            over.set()
    assert (answer.status_code, answer.json) == (200, READY | {"user_service": "unavailable"})
