"""The log of the service as shipped."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest
import requests

import config
from demo.ports import listening
from tests.support.processes import free_port, until


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


def test_in_production_every_line_is_json(shopping):
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
    warning = next(line for line in lines if line["message"] == "user-service: status 500")
    assert warning["request_id"] == "second"
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "alembic.runtime.migration"}


def test_in_development_lines_are_text(shopping):
    development = {"CONFIGURATION_SETUP": "config.DevelopmentConfig", "SQLALCHEMY_ECHO": "true"}
    lines = shopping(**development, options="")
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    for said in (
        r"INFO POST /api/order/add-item 200 [\d.]+ ms \[first\]",
        r"WARNING user-service: status 500 \[second\]",
        r"INFO POST /api/order/checkout 503 [\d.]+ ms \[second\]",
        r"INFO GET /no%0Aline 404 [\d.]+ ms \[third\]",
        r"INFO Starting gunicorn [\d.]+ \[-\]",
        r"INFO COMMIT \[first\]",
    ):
        assert sum(bool(re.fullmatch(f"{time} {said}", line)) for line in lines) == 1, said
    assert not any("secret" in line for line in lines)


def test_in_development_nothing_is_logged_twice_and_without_escape_codes(shopping):
    lines = shopping(CONFIGURATION_SETUP="config.DevelopmentConfig", SQLALCHEMY_ECHO="true")
    assert any("BEGIN" in line for line in lines)  # the SQL is there
    assert not any("Pool" in line or "\x1b" in line for line in lines)
    # A second logger or handler would write the same event in the next line, in its own format.
    events = [line.split(" INFO ")[-1].removesuffix(" [-]") for line in lines]
    assert not [event for event, following in pairwise(events) if event and event in following]


def test_flask_s_own_server_logs_each_request_once_and_without_escape_codes(tmp_path):
    port, log = free_port(), tmp_path / "flask.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "run", "--port", str(port)],
            cwd=config.ROOT,
            env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/order.db"},
            stdout=file,
            stderr=file,
        )
    with process:
        try:
            until(lambda: listening(port), 60)
            requests.get(f"http://127.0.0.1:{port}/nowhere", timeout=60)
            until(lambda: "GET /nowhere 404" in log.read_text())
        finally:
            process.terminate()
    text = log.read_text()
    assert text.count("/nowhere") == 1
    assert "\x1b" not in text
