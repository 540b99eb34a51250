"""gunicorn's worker: what it overrides, how workers share connections, and malformed HTTP."""

import json
import os
import signal
import socket
import sqlite3
from contextlib import ExitStack, closing
from http import HTTPStatus
from statistics import median

import pytest
import requests
from gunicorn.config import Config

from application.serving.worker import STATUSES, Logger
from tests.support.api import ADD
from tests.support.line import Line
from tests.support.processes import sockets, until

REFUSED = {
    HTTPStatus.EXPECTATION_FAILED: f"POST {ADD} HTTP/1.1\r\nExpect: the unexpected\r\n\r\n",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: f"GET / HTTP/1.1\r\nX: {'x' * 70_000}\r\n\r\n",
    HTTPStatus.REQUEST_URI_TOO_LONG: f"GET /{'x' * 10_000} HTTP/1.1\r\n\r\n",
    HTTPStatus.NOT_IMPLEMENTED: f"POST {ADD} HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
    HTTPStatus.BAD_REQUEST: "no HTTP\r\n\r\n",
}


@pytest.mark.parametrize(("file", "enabled"), [(None, False), ("-", True)])
def test_facts_for_an_access_log_are_collected_only_if_it_is_asked_for(file, enabled):
    settings = Config()
    settings.set("logconfig_dict", {"version": 1})
    settings.set("accesslog", file)
    assert Logger(settings).access_log_enabled is enabled


@pytest.mark.slow  # a server of its own
def test_a_worker_leaves_new_connections_to_one_that_has_a_free_thread(start, tmp_path, user):
    """gunicorn's own worker accepts what it can: the free one may get 1 of 40, or 30 of them."""
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, options="--threads 2", WEB_CONCURRENCY="2", LOG_LEVEL="DEBUG")
    add = Line(service, user).head + "Content-Length: 18\r\n\r\nproduct_id=5&qty=1"
    with closing(sqlite3.connect(tmp_path / "order.db", isolation_level=None)) as database:
        shares = [share_of_the_free_worker(service, add, database) for _ in range(7)]
    assert median(shares) >= 0.4, shares


def share_of_the_free_worker(service, add, database):
    """Return which part of a burst of requests it answers while the other waits for a lock."""
    busy, free = service.workers()
    before = sockets(busy)
    earlier = service.answers_by_worker()
    with ExitStack() as connections:

        def send(request):
            line = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            connections.enter_context(line).sendall(request.encode())
            return line

        os.kill(free, signal.SIGSTOP)
        database.execute("BEGIN IMMEDIATE")
        waiting = [send(add) for _ in range(4)]  # two for each thread
        until(lambda: sockets(busy) == before + len(waiting))
        os.kill(free, signal.SIGCONT)
        lines = [send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(40)]
        database.execute("ROLLBACK")
        for line in lines:
            assert line.recv(64).startswith(b"HTTP/1.1 200")
    all_answers = earlier.total() + len(lines) + len(waiting)
    until(lambda: service.answers_by_worker().total() == all_answers)
    until(lambda: sockets(busy) <= before)
    return (service.answers_by_worker() - earlier)[free] / len(lines)


def test_malformed_requests_are_answered_in_json_and_logged_without_another_s_id(
    start, tmp_path, user
):
    """By a service of one thread, so that each request meets what the one before it has left."""
    assert {*STATUSES.values(), HTTPStatus.BAD_REQUEST} == set(REFUSED)
    url = f"sqlite:///{tmp_path}/order.db"
    one_thread = {"WEB_CONCURRENCY": "1", "options": "--threads 1", "LOG_LEVEL": "DEBUG"}
    line = Line(start(url, **one_thread), user)
    for status, request in REFUSED.items():
        assert line.send(request.encode()) == (status, {"message": status.phrase.capitalize()})
    health = f"{line.service.url}/healthz"
    requests.get(health, headers={"X-Request-ID": "first"}, timeout=60)
    line.send(REFUSED[HTTPStatus.BAD_REQUEST].encode())
    requests.get(health, headers={"X-Request-ID": "last"}, timeout=60)
    until(lambda: '"last"' in line.service.log.read_text())
    log = [json.loads(text) for text in line.service.log.read_text().splitlines()]
    told = [
        said.get("request_id") for said in log if "status" in said or "Refus" in said["message"]
    ]
    assert told == [*[None] * len(REFUSED), "first", None, "last"]
    refused = [said["message"] for said in log if "Refus" in said["message"]]
    assert all(message.endswith(", 127.0.0.1") for message in refused)
