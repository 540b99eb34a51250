"""The database stops, is killed or hangs."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import requests

from tests.support.api import DATABASE_UNAVAILABLE, statuses
from tests.support.needs import trials
from tests.support.processes import until
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers


@trials(2, 10)
def test_a_stopped_database_is_a_503_and_a_started_one_is_used_again(
    server, start, users, report, trials
):
    service = start(server.url)
    shopper = Shopper(service.url, users[0])
    workers, told, recovered, while_up, down = service.workers(), 0, 0, [], []
    for trial in range(trials):
        while_up += [shopper.add() for _ in range(20)]  # both workers have connections
        (server.stop if trial % 2 else server.kill)()
        began = time.monotonic()
        down.append(answer := shopper.add())
        told = max(told, time.monotonic() - began)
        assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
        assert answer.headers["Retry-After"]
        server.start()
        began = time.monotonic()
        until(lambda: shopper.add().status_code == 200)
        recovered = max(recovered, time.monotonic() - began)
        while_up += [shopper.cart() for _ in range(20)]
    assert set(statuses(while_up)) == {200}
    assert service.workers() == workers
    found = (
        f"down: {dict(statuses(down))} within {told:.2f} s;"
        f" up: {dict(statuses(while_up))} within {recovered:.2f} s of the start"
    )
    report("database stopped and started", trials, server.url, found)


@trials(1, 5)
def test_a_database_killed_under_load_loses_nothing(server, start, users, report, trials):
    shoppers = Shoppers([start(server.url).url], users)
    with shoppers.at_work():
        for _ in range(trials):
            shoppers.await_more(200, 20)
            server.kill()
            shoppers.await_more(503, 20)
            server.start()
    assert set(shoppers.statuses) <= {200, 404, 503}
    assert shoppers.check(server.url) == {"lost": 0, "doubled": 0}
    report("database killed under load", trials, server.url, shoppers.summary())


@trials(1, 3)
def test_a_hanging_database_is_a_503_and_is_used_again_later(
    start, proxy, users, database_url, report, trials
):
    shopper = Shopper(start(proxy.url).url, users[0])
    shopper.add()
    longest, answers = 0, []
    for _ in range(trials):
        proxy.flows.clear()
        began = time.monotonic()
        with ThreadPoolExecutor(3) as threads:
            calls = [threads.submit(f) for f in (shopper.add, shopper.cart, shopper.checkout)]
        longest = max(longest, time.monotonic() - began)
        for call in calls:
            answers.append(answer := call.result())
            assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
            assert answer.headers["Retry-After"]
        proxy.flows.set()
        until(lambda: shopper.cart().status_code == 200)
        assert shopper.quantity() == 1
    found = f"{dict(statuses(answers))} within {longest:.1f} s"
    report("database hangs", trials * 3, database_url, found)


@pytest.fixture
def hanging_user_service(user_service):
    """user-service, which answers /api/user only after the test."""
    over = Event()
    user_service.answer = lambda _handler: over.wait(600)
    try:
        yield
    finally:
        over.set()


@trials(3, 30)
@pytest.mark.parametrize("user_service_too", [False, True])
def test_a_probe_does_not_wait_for_a_hanging_database(
    start, proxy, database_url, report, trials, user_service_too, request
):
    service = start(proxy.url)

    def probe(path="/readyz"):
        answer = requests.get(service.url + path, timeout=60)
        return answer.status_code, answer.json()

    until(lambda: probe()[0] == 200)
    proxy.flows.clear()
    unready = {"message": "Not ready", "database": "no answer", "migrations": "unknown"}
    unready["user_service"] = "no answer" if user_service_too else "ok"
    if user_service_too:
        request.getfixturevalue("hanging_user_service")
    took, answers = [], Counter()
    for _ in range(trials):
        began = time.monotonic()
        status, body = probe()
        took.append(time.monotonic() - began)
        assert (status, body) == (503, unready)
        answers[status] += 1
        assert probe("/healthz") == (200, {"message": "Alive"})
    proxy.flows.set()
    until(lambda: probe()[0] == 200)
    # A slow machine may delay one of them, but none waits as long as a request would: 5 seconds.
    assert min(took) < 1
    assert max(took) < 4
    found = f"{dict(answers)} within {max(took):.2f} s"
    both = ", as user-service does" if user_service_too else ""
    report(f"probe of a database that hangs{both}", trials, database_url, found)
