"""user-service fails in every way, and the service as shipped stays up beside it."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Event

import pytest
import requests

from tests.faults import trials
from tests.faults.shoppers import Shopper
from tests.service import free_port, until

TIMEOUT = 0.5  # USER_SERVICE_TIMEOUT of these tests, in seconds
UNAVAILABLE = {"message": "User service unavailable"}


def saying(status, body, **headers):
    return lambda handler: handler.send(status, body, **headers)


def dripping(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for byte in b'{"result": {"id": 1}}':
        handler.wfile.write(bytes([byte]))
        time.sleep(0.1)


FAULTS = {
    "hanging": lambda _handler: time.sleep(2 * TIMEOUT),
    "dripping": dripping,
    "hanging up": lambda handler: handler.wfile.write(b""),
    "redirecting": saying(302, {"result": {"id": 1}}, Location="/api/user"),
    "404": saying(404, {"message": "Not found"}),
    "500": saying(500, {"message": "oops"}),
    "HTML": saying(200, b"<html>"),
    "{}": saying(200, {}),
    "null": saying(200, {"result": None}),
    "a word as id": saying(200, {"result": {"id": "1"}}),
    "a negative id": saying(200, {"result": {"id": -1}}),
    "a boolean id": saying(200, {"result": {"id": True}}),
    "64 MiB": saying(200, b"[" + b" " * 64 * 1024 * 1024),
}


@pytest.fixture
def service(database_url, start):
    return start(database_url, USER_SERVICE_TIMEOUT=str(TIMEOUT), USER_CACHE_TTL="60")


def cart(service, key):
    return Shopper(service.url, {"api_key": key}).cart()


def test_whatever_it_answers_nobody_is_logged_in_by_it(service, user_service, database_url, report):
    longest = 0
    for fault in FAULTS.values():
        user_service.answer = fault
        began = time.monotonic()
        answer = cart(service, "key")
        longest = max(longest, time.monotonic() - began)
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert answer.headers["Retry-After"]
    assert longest < 3 * TIMEOUT
    found = f"503 within {longest:.2f} s, timeout {TIMEOUT} s"
    report("user-service answers nonsense", len(FAULTS), database_url, found)


def test_without_it_nobody_is_logged_in(database_url, start):
    service = start(database_url, USER_SERVICE_URL=f"http://127.0.0.1:{free_port()}")
    answer = cart(service, "key")
    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)


@trials(25, 100)
def test_while_it_hangs_those_who_are_known_are_served(
    service, user_service, user, database_url, report, trials
):
    for _ in range(50):  # both workers know the key
        assert cart(service, user["api_key"]).status_code == 200
    over = Event()
    user_service.answer = lambda _handler: over.wait(10)

    def hammer(number):
        statuses = set()
        while not over.is_set():
            statuses.add(cart(service, f"unknown {number}").status_code)
        return statuses

    user_service.asked.clear()
    with ThreadPoolExecutor(40) as threads:
        unknown = [threads.submit(hammer, number) for number in range(40)]
        until(lambda: len(user_service.asked) >= 6)
        waits = []
        for _ in range(trials):
            began = time.monotonic()
            assert cart(service, user["api_key"]).status_code == 200
            assert requests.get(f"{service.url}/api/orders", timeout=20).status_code == 200
            waits.append(time.monotonic() - began)
        over.set()
        assert {status for client in unknown for status in client.result()} == {503}
    p50, longest = median(waits), max(waits)
    assert p50 < TIMEOUT  # several times that, where they queue behind those who hang
    found = f"two calls of a known user in {p50 * 1000:.0f} ms (p50), {longest:.2f} s (max)"
    report("user-service hangs, 40 unknown callers", trials * 2, database_url, found)
