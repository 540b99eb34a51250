"""gunicorn's worker: what it overrides, how workers share connections, and malformed HTTP."""

import inspect
import json
import os
import signal
import socket
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path

import pytest
import requests
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from application.serving.worker import STATUSES, Logger, Worker
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


@pytest.mark.parametrize("method", ["handle_error", "accept"])
def test_a_method_that_it_overrides_still_has_the_same_parameters(method):
    """Else gunicorn has changed: read the method again."""
    ours, theirs = (
        list(inspect.signature(getattr(worker, method)).parameters)
        for worker in (Worker, ThreadWorker)
    )
    assert ours == theirs


@pytest.mark.parametrize(("file", "enabled"), [(None, False), ("-", True)])
def test_facts_for_an_access_log_are_collected_only_if_it_is_asked_for(file, enabled):
    settings = Config()
    settings.set("logconfig_dict", {"version": 1})
    settings.set("accesslog", file)
    assert Logger(settings).access_log_enabled is enabled


def test_a_worker_leaves_new_connections_to_one_that_has_a_free_thread(start, tmp_path):
    """With gunicorn's own worker, most of these requests would wait for those without a body."""
    service = start(
        f"sqlite:///{tmp_path}/order.db",
        options="--threads 2",
        WEB_CONCURRENCY="2",
        LOG_LEVEL="DEBUG",
    )
    busy, free = service.workers()
    body_missing = f"POST {ADD} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    with ExitStack() as connections:

        def send(request):
            line = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            connections.enter_context(line).sendall(request.encode())
            return line

        before = sockets(busy)
        os.kill(free, signal.SIGSTOP)
        waiting = [send(body_missing) for _ in range(4)]  # two for each thread
        until(lambda: sockets(busy) == before + len(waiting))
        os.kill(free, signal.SIGCONT)
        lines = [send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(40)]
        for line in waiting:
            line.sendall(b"x")
        for line in lines:
            assert line.recv(64).startswith(b"HTTP/1.1 200")
    until(lambda: service.log.read_text().count('"path": "/healthz"') == len(lines))
    log = [json.loads(text) for text in service.log.read_text().splitlines()]
    answered = [said["process"] for said in log if said.get("path") == "/healthz"]
    assert answered.count(free) >= len(lines) / 4


def sockets(pid):
    """Return the number of sockets that a process has open."""
    number = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # just closed
            number += os.readlink(file).startswith("socket:")
    return number


@pytest.fixture
def line(start, tmp_path, user):
    """A service of one thread, so that each request meets what the one before it has left."""
    url = f"sqlite:///{tmp_path}/order.db"
    return Line(start(url, WEB_CONCURRENCY="1", options="--threads 1", LOG_LEVEL="DEBUG"), user)


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
