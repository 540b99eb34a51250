"""user-service fails in many ways; the service as shipped keeps answering."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Event

import requests

import config
from tests.support.api import USER_SERVICE_UNAVAILABLE, statuses
from tests.support.needs import trials
from tests.support.processes import free_port, until
from tests.support.shopper import Shopper

HANG = 30  # seconds


def saying(status, body, **headers):
    return lambda handler: handler.send(status, body, **headers)


def dripping(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    body = b'{"result": {"id": 1}}'
    for byte in body:
        handler.wfile.write(bytes([byte]))
        time.sleep(HANG / len(body))


FAULTS = {
    "hanging": lambda _handler: time.sleep(HANG),
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


def cart(service, key):
    return Shopper(service.url, {"api_key": key}).cart()


def test_whatever_it_answers_nobody_is_logged_in(start, user_service, database_url, report):
    service = start(database_url, USER_SERVICE_TIMEOUT="0.5")
    longest, answers = 0, []
    for fault in FAULTS.values():
        user_service.answer = fault
        began = time.monotonic()
        answers.append(answer := cart(service, "key"))
        longest = max(longest, time.monotonic() - began)
        assert (answer.status_code, answer.json()) == (503, USER_SERVICE_UNAVAILABLE)
        assert answer.headers["Retry-After"]
    assert longest < 10 < HANG
    found = f"{dict(statuses(answers))} within {longest:.2f} s, timeout 0.5 s"
    report("user-service answers nonsense", len(FAULTS), database_url, found)


def test_if_it_is_down_nobody_is_logged_in(database_url, start):
    service = start(database_url, USER_SERVICE_URL=f"http://127.0.0.1:{free_port()}")
    answer = cart(service, "key")
    assert (answer.status_code, answer.json()) == (503, USER_SERVICE_UNAVAILABLE)


@trials(3, 20)
def test_if_it_is_slow_all_callers_at_once_are_served(
    start, user_service, database_url, report, trials
):
    """With production's timeout: a slow user-service is not a stuck one."""
    timeout = config.ProductionConfig.USER_SERVICE_TIMEOUT
    service = start(database_url, USER_SERVICE_TIMEOUT=str(timeout))

    def slow(handler):
        time.sleep(0.7)
        handler.send(200, {"result": {"id": 1}})

    user_service.answer = slow
    with ThreadPoolExecutor(16) as threads:
        keys = [f"key {number}" for number in range(16 * trials)]  # none of them is cached
        began = time.monotonic()
        answers = list(threads.map(cart, [service] * len(keys), keys))
        took = time.monotonic() - began
    assert statuses(answers) == {200: 16 * trials}
    found = f"{dict(statuses(answers))} in {took:.1f} s"
    report("user-service takes 0.7 s, 16 callers", len(keys), database_url, found)


@trials(25, 100)
def test_while_it_hangs_callers_whose_key_is_cached_are_served(
    start, user_service, user, database_url, report, trials
):
    timeout = 5  # seconds
    service = start(database_url, USER_SERVICE_TIMEOUT=str(timeout), USER_CACHE_TTL="3600")

    def both_workers_know_the_key():
        assert cart(service, user["api_key"]).status_code == 200
        return len(service.answers_by_worker()) == 2

    until(both_workers_know_the_key)
    over = Event()
    user_service.answer = lambda _handler: over.wait(HANG)

    def hammer(number):
        seen = Counter()  # not the answers: each would keep its connection open
        while not over.is_set():
            seen[cart(service, f"unknown {number}").status_code] += 1
        return seen

    user_service.asked.clear()
    with ThreadPoolExecutor(40) as threads:
        unknown = [threads.submit(hammer, number) for number in range(40)]
        try:
            until(lambda: len(user_service.asked) >= 6)
            waits = []
            for _ in range(trials):
                began = time.monotonic()
                assert cart(service, user["api_key"]).status_code == 200
                assert requests.get(f"{service.url}/api/orders", timeout=60).status_code == 200
                waits.append(time.monotonic() - began)
        finally:
            over.set()
    refused = sum((client.result() for client in unknown), Counter())
    assert set(refused) == {503}
    p50, longest = median(waits), max(waits)
    assert p50 < timeout  # several times that, if they queue behind the calls that hang
    found = (
        f"two calls of a known user in {p50 * 1000:.0f} ms (p50), {longest:.2f} s (max);"
        f" unknown: {dict(refused)}"
    )
    report("user-service hangs, 40 unknown callers", trials * 2, database_url, found)
