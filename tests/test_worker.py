"""gunicorn's worker: what it overrides, and its answers to malformed HTTP."""

import inspect
import json
from http import HTTPStatus

import pytest
import requests
from gunicorn.workers.gthread import ThreadWorker

from application.worker import STATUSES, Worker
from tests.support.api import ADD
from tests.support.line import Line
from tests.support.processes import until

REFUSED = {
    HTTPStatus.EXPECTATION_FAILED: f"POST {ADD} HTTP/1.1\r\nExpect: the unexpected\r\n\r\n",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: f"GET / HTTP/1.1\r\nX: {'x' * 70_000}\r\n\r\n",
    HTTPStatus.REQUEST_URI_TOO_LONG: f"GET /{'x' * 10_000} HTTP/1.1\r\n\r\n",
    HTTPStatus.NOT_IMPLEMENTED: f"POST {ADD} HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
    HTTPStatus.BAD_REQUEST: "no HTTP\r\n\r\n",
}


def test_the_method_that_it_overrides_still_has_the_same_parameters():
    """Else gunicorn has changed: read its handle_error again."""
    ours, theirs = (
        list(inspect.signature(worker.handle_error).parameters) for worker in (Worker, ThreadWorker)
    )
    assert ours == theirs


@pytest.fixture
def line(start, tmp_path, user):
    """A service of one thread, so that each request meets what the one before it has left."""
    url = f"sqlite:///{tmp_path}/order.db"
    return Line(start(url, WEB_CONCURRENCY="1", options="--threads 1"), user)


def test_each_kind_of_malformed_request_has_its_status_and_is_answered_in_json(line):
    assert {*STATUSES.values(), HTTPStatus.BAD_REQUEST} == set(REFUSED)
    for status, request in REFUSED.items():
        assert line.send(request.encode()) == (status, {"message": status.phrase.capitalize()})


def test_a_refused_request_is_not_logged_with_the_id_of_the_request_before(line):
    health = f"{line.service.url}/healthz"
    requests.get(health, headers={"X-Request-ID": "first"}, timeout=60)
    line.send(REFUSED[HTTPStatus.BAD_REQUEST].encode())
    requests.get(health, headers={"X-Request-ID": "last"}, timeout=60)
    until(lambda: '"last"' in line.service.log.read_text())
    log = [json.loads(text) for text in line.service.log.read_text().splitlines()]
    told = [
        said.get("request_id") for said in log if "status" in said or "Refus" in said["message"]
    ]
    assert told == ["first", None, "last"]
