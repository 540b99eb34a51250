"""The log of the service as shipped."""

import json
import re

import pytest
import requests

from application import __version__
from tests.support.databases import head_revision
from tests.support.processes import until


@pytest.fixture
def shopping(start, tmp_path, user_service, login):
    """Send requests to a service, stop it, and return the lines of its log."""

    def shopping(**settings):
        service = start(f"sqlite:///{tmp_path}/order.db", **settings)
        body = {"product_id": 5, "qty": 2}
        url = f"{service.url}/api/order/add-item?qty=secret"
        requests.post(url, body, headers=login | {"X-Request-ID": "first"}, timeout=60)
        user_service.answer = lambda handler: handler.send(500, {})
        headers = {"Authorization": "unknown", "X-Request-ID": "second"}
        requests.post(f"{service.url}/api/order/checkout", headers=headers, timeout=60)
        requests.get(f"{service.url}/no%0Aline", headers={"X-Request-ID": "third"}, timeout=60)
        requests.get(f"{service.url}/api/orders", headers={"X-Request-ID": "last"}, timeout=60)
        until(lambda: "orders 200" in service.log.read_text())
        service.stop()
        return service.log.read_text().splitlines()

    return shopping


def test_in_production_every_line_is_json(shopping, user, tmp_path):
    lines = [json.loads(line) for line in shopping()]
    assert all(line.keys() >= {"timestamp", "level", "logger", "message"} for line in lines)
    of_requests = {line["request_id"]: line for line in lines if "status" in line}
    assert {
        (line["request_id"], line["method"], line["path"], line["status"])
        for line in of_requests.values()
    } == {
        ("first", "POST", "/api/order/add-item", 200),
        ("second", "POST", "/api/order/checkout", 503),
        ("third", "GET", "/no%0Aline", 404),
        ("last", "GET", "/api/orders", 200),
    }
    assert all(0 < line["ms"] < 300_000 for line in of_requests.values())
    assert {line["address"] for line in of_requests.values()} == {"127.0.0.1"}
    users = {name: line.get("user_id") for name, line in of_requests.items()}
    assert users == {"first": user["id"], "second": None, "third": None, "last": None}
    warning = next(line for line in lines if line["message"] == "user-service: status 500")
    assert warning["request_id"] == "second"
    where = f"config.ProductionConfig, sqlite:///{tmp_path}/order.db"
    messages = {line["message"] for line in lines}
    assert f"order-service {__version__} starts: {where}" in messages
    assert f"{where}: revision none before, {head_revision()} after" in messages
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "alembic.runtime.migration"}


def test_in_development_lines_are_text(shopping, user):
    development = {"CONFIGURATION_SETUP": "config.DevelopmentConfig", "SQLALCHEMY_ECHO": "true"}
    lines = shopping(**development, options="")
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    for said in (
        rf"INFO POST /api/order/add-item 200 [\d.]+ ms, 127\.0\.0\.1, user {user['id']} \[first\]",
        r"WARNING user-service: status 500 \[second\]",
        r"INFO POST /api/order/checkout 503 [\d.]+ ms, 127\.0\.0\.1 \[second\]",
        r"INFO GET /no%0Aline 404 [\d.]+ ms, 127\.0\.0\.1 \[third\]",
        r"INFO Starting gunicorn [\d.]+ \[-\]",
        r"INFO COMMIT \[first\]",
    ):
        assert sum(bool(re.fullmatch(f"{time} {said}", line)) for line in lines) == 1, said
    assert not any("secret" in line for line in lines)


@pytest.mark.slow  # a server for each level
@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("", {("/readyz", 503, "INFO"), ("/nowhere", 404, "INFO")}),
        ("warning", set()),
        (
            "DEBUG",
            {
                ("/healthz", 200, "DEBUG"),
                ("/metrics", 200, "DEBUG"),
                ("/readyz", 503, "INFO"),
                ("/nowhere", 404, "INFO"),
            },
        ),
    ],
)
def test_probes_that_succeed_are_logged_at_debug_only(start, tmp_path, level, logged):
    url = f"sqlite:///{tmp_path}/order.db"
    settings = {"LOG_LEVEL": level, "MIGRATE_ON_START": "false", "WEB_CONCURRENCY": "1"}
    service = start(url, options="", **settings)
    for path in ("/healthz", "/metrics", "/readyz", "/nowhere"):
        requests.get(service.url + path, timeout=60)
    service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert {
        (line["path"], line["status"], line["level"]) for line in lines if "status" in line
    } == logged
    assert any("Booting worker" in line["message"] for line in lines) == (level != "warning")
