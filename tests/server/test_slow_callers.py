"""Callers that are silent, slow or gone: they hold up nobody, and are given up after a while."""

import os
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from types import SimpleNamespace

import pytest
import requests

from application.serving.slow_callers import STALLED, CallerSocket, RequestThreads
from tests.support.api import ADD
from tests.support.processes import sockets, until

pytestmark = pytest.mark.slow  # waits for timeouts

HEAD = f"POST {ADD} HTTP/1.1\r\nHost: x\r\n"
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
BUNDLE = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
PIPELINED = 8  # bundles: far more than the kernels' buffers hold
STALLING = {  # what a caller sends before it stops to send and to read
    "a head": "G",
    "a body": f"{HEAD}Content-Length: 20\r\n\r\nproduct_id=",
    "a chunk": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nprod",
    "a body that nobody wants": "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    "to read": BUNDLE * PIPELINED,
}


@pytest.fixture
def service(start, tmp_path):
    return start(f"sqlite:///{tmp_path}/order.db", WEB_CONCURRENCY="1")


@pytest.fixture
def call(service):
    """Connect to the service and send the beginning of a request."""
    with ExitStack() as connections:

        def call(data=""):
            line = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            connections.enter_context(line).sendall(data.encode())
            return line

        yield call


def is_served(service):
    # A limit below that for callers who stall: they are still there when somebody is served.
    return requests.get(f"{service.url}/healthz", timeout=STALLED / 2).status_code == 200


def is_given_up(line):
    """Wait until the service has closed its side of a connection, without reading from it."""
    poll = select.poll()
    poll.register(line, select.POLLRDHUP)
    return poll.poll(60_000) != []


def bundle(service):
    return requests.get(f"{service.url}/docs/swagger-ui-bundle.js", timeout=60).content


def threads(service):
    return len(os.listdir(f"/proc/{service.workers()[0]}/task"))


def drip(line):
    """Send a head byte by byte until the service gives up; return how long that took."""
    began = time.monotonic()
    with suppress(ConnectionError):
        for byte in HEAD * 10:
            line.sendall(byte.encode())
            time.sleep(0.3)
    return time.monotonic() - began


def read_slowly(line):
    """Read 20 kB a second for longer than a caller may stall, then the rest; return all bytes."""
    line.shutdown(socket.SHUT_WR)
    data = bytearray()
    end = time.monotonic() + STALLED * 1.5
    while part := line.recv(20_000 if time.monotonic() < end else 1 << 20):
        data += part
        if time.monotonic() < end:
            time.sleep(1)
    return data


def test_silent_callers_occupy_no_thread(service, call):
    for _ in range(200):
        call()
    assert is_served(service)


def test_callers_who_stall_hold_up_nobody_and_are_given_up_quietly(service, call):
    before = threads(service)
    with ThreadPoolExecutor(2) as others:
        dripping = others.submit(drip, call())
        reading = others.submit(read_slowly, call(BUNDLE * PIPELINED))
        stalled = [call(beginning) for beginning in STALLING.values() for _ in range(10)]
        assert is_served(service)
        assert all(is_given_up(line) for line in stalled)
        assert reading.result().count(b"HTTP/1.1 200") == PIPELINED
        assert reading.result().endswith(bundle(service)[-100:])
        assert dripping.result() < 0.3 * len(HEAD * 10)
    until(lambda: is_served(service) and threads(service) <= before)
    log = service.log.read_text()
    assert "Traceback" not in log
    assert '"level": "ERROR"' not in log


def test_a_thread_that_sends_to_a_caller_who_does_not_read_is_replaced():
    """By ``send``, too, by which gunicorn answers ``Expect: 100-continue``."""
    worker = SimpleNamespace(tpool=RequestThreads(1), alive=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        caller = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    with caller, CallerSocket(accepted, worker) as line, ThreadPoolExecutor(1) as sender:
        with suppress(BlockingIOError):
            while True:
                socket.socket.send(line, bytes(65536), socket.MSG_DONTWAIT)
        sent = sender.submit(line.send, b"HTTP/1.1 100 Continue")
        until(lambda: worker.tpool.waiting == 1, seconds=STALLED / 2)
        data = bytearray()
        while not data.endswith(b"Continue"):
            data += caller.recv(1 << 20)
        assert sent.result() == 21
        assert worker.tpool.waiting == 0


def test_callers_who_do_not_close_after_their_last_answer_hold_up_nobody(service, call):
    (worker,) = service.workers()
    before = sockets(worker)
    lines = [call("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")]
    for _ in range(5):
        lines.append(call("GET /healthz HTTP/1.0\r\n\r\n"))
    assert all(is_given_up(line) for line in lines)  # the answers have ended
    assert is_served(service)
    assert sockets(worker) >= before + len(lines)


def test_callers_who_stall_do_not_delay_the_end(service, call):
    for beginning in ("", *STALLING.values()):
        for _ in range(10):
            call(beginning)
    dripping = call(f"{HEAD}Content-Length: 2000\r\n\r\n")
    assert is_served(service)
    with ThreadPoolExecutor(1) as other:
        other.submit(drip, dripping)
        assert service.stop() < STALLED * 1.5


def test_an_answer_that_is_read_slowly_is_complete_although_the_server_stops(service, call):
    end = bundle(service)[-100:]
    line = call(BUNDLE * PIPELINED)
    data = line.recv(1000)
    time.sleep(1)  # until the kernels' buffers are full
    service.terminate()
    until(lambda: "Handling signal: term" in service.log.read_text())
    slow = time.monotonic() + 5
    while part := line.recv(20_000 if time.monotonic() < slow else 1 << 20):
        data += part
        if time.monotonic() < slow:
            time.sleep(0.1)
    assert data.endswith(end)
    assert service.wait() == 0


@pytest.mark.parametrize("keep_alive", ["0", "1"])
def test_a_new_connection_may_wait_for_its_first_bytes_whatever_others_may(
    start, tmp_path, keep_alive
):
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, options=f"--keep-alive {keep_alive}", WEB_CONCURRENCY="1")
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as line:
        time.sleep(2.5)  # gunicorn closes what is due once a second
        line.sendall(HEALTHZ)
        assert line.recv(64).startswith(b"HTTP/1.1 200")


def test_beyond_the_most_connections_the_one_that_is_idle_for_longest_is_closed(start, tmp_path):
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, options="--worker-connections 20 --threads 2", WEB_CONCURRENCY="1")
    lines = [socket.create_connection(("127.0.0.1", service.port), timeout=60) for _ in range(30)]
    with ExitStack() as connections:
        for line in lines:
            connections.enter_context(line)
        assert is_served(service)
        assert is_given_up(lines[0])
        lines[-1].sendall(HEALTHZ)
        assert lines[-1].recv(64).startswith(b"HTTP/1.1 200")
        for line in lines:  # the next ones are closed while they become readable
            with suppress(OSError):
                line.sendall(HEALTHZ)
            call = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            connections.enter_context(call)
        assert is_served(service)
    assert "Exception in worker" not in service.log.read_text()
