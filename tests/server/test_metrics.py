"""The counts at /metrics, over four workers of the service as shipped."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.api import ADD, CHECKOUT
from tests.support.metrics import scrape
from tests.support.processes import until
from tests.support.service import Service

ITEM = {"product_id": 5, "qty": 3}


@pytest.fixture(scope="module")
def shared_service(user_service, tmp_path_factory):
    """One instance of two workers, for tests that compare its counts before and after."""
    folder = tmp_path_factory.mktemp("service")
    url, log = f"sqlite:///{folder}/order.db", folder / "service.log"
    with Service(url, user_service.url, log, USER_CACHE_TTL="0") as service:
        yield service


@pytest.fixture
def counts_since(shared_service):
    """Return the counts that have grown since the test began, and by how much."""
    before = Counter(scrape(shared_service))
    return lambda: Counter(scrape(shared_service)) - before


def post(service, path, user, body=None, **headers):
    """Send a POST on a connection of its own, so that any of the workers may take it."""
    headers = {"Authorization": user["api_key"]} | headers
    return requests.post(service.url + path, body, headers=headers, timeout=60)


def requests_of(counts, route, status, method="POST"):
    labels = ("method", method), ("route", route), ("status", str(status))
    return counts.get(("http_request_duration_seconds_count", *labels), 0)


def calls_of(counts, outcome):
    return counts.get(("user_service_call_duration_seconds_count", ("outcome", outcome)), 0)


def load(service, users):
    """Let each of the users add twenty items and check out, all at once."""

    def shop(user):
        answers = [post(service, ADD, user, ITEM) for _ in range(20)]
        answers.append(post(service, CHECKOUT, user))
        assert {answer.status_code for answer in answers} == {200}

    with ThreadPoolExecutor(len(users)) as threads:
        list(threads.map(shop, users))


def kill_one(service):
    pid = service.workers()[0]
    os.kill(pid, signal.SIGKILL)
    replaced(service, {pid})


def reload_all(service):
    pids = set(service.workers())
    os.kill(service.pid, signal.SIGHUP)
    replaced(service, pids)


def replaced(service, pids):
    until(lambda: service.all_serve() and not pids & set(service.workers()))


@pytest.mark.slow  # many processes
def test_the_counts_are_exact_over_all_workers_and_their_restarts(start, tmp_path, user_service):
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, WEB_CONCURRENCY="4", USER_CACHE_TTL="0")
    users = [user_service.add(f"shopper {number}") for number in range(10)]
    loads = 0

    def all_workers_have_answered():
        nonlocal loads
        loads += 1
        load(service, users)
        return set(service.workers()) <= service.answers_by_worker().keys()

    for restart in (kill_one, reload_all, None):
        until(all_workers_have_answered)
        counts = scrape(service)
        assert requests_of(counts, ADD, 200) == counts["items_added_total",] == 200 * loads
        assert requests_of(counts, CHECKOUT, 200) == counts["orders_checked_out_total",]
        assert counts["orders_opened_total",] == counts["orders_checked_out_total",] == 10 * loads
        assert calls_of(counts, "user") == 210 * loads
        assert counts["user_cache_hits_total",] == 0
        if restart:
            restart(service)
    assert len(service.answers_by_worker()) == 9


def test_refused_requests_and_scrapes_are_counted_too(
    shared_service, counts_since, user_service, user
):
    post(shared_service, CHECKOUT, user)
    post(shared_service, ADD, user, {"product_id": 5})
    post(shared_service, ADD, {"api_key": "nobody's"}, ITEM)
    user_service.answer = lambda handler: handler.send(500, {})
    post(shared_service, ADD, user, ITEM)
    counts = counts_since()
    assert [requests_of(counts, ADD, status) for status in (200, 400, 401, 503)] == [0, 1, 1, 1]
    assert requests_of(counts, CHECKOUT, 404) == 1
    assert requests_of(counts, "/metrics", 200, "GET") == 1
    outcomes = [calls_of(counts, outcome) for outcome in ("user", "unknown", "unavailable")]
    assert outcomes == [2, 1, 1]
    assert [counts[f"{name}_total",] for name in ("orders_opened", "items_added")] == [0, 0]


def test_a_replayed_request_counts_as_a_request_but_adds_no_item(
    shared_service, counts_since, user
):
    for _ in range(3):
        post(shared_service, ADD, user, ITEM, **{"Idempotency-Key": "click"})
    counts = counts_since()
    assert requests_of(counts, ADD, 200) == 3
    assert counts["items_added_total",] == counts["orders_opened_total",] == 1


def test_paths_and_methods_of_a_caller_make_no_new_series(shared_service, counts_since):
    url = shared_service.url
    for number in range(5):
        requests.request(f"METHOD{number}", f"{url}/{number}", timeout=60)
        requests.request(f"METHOD{number}", f"{url}/api/orders", timeout=60)
        requests.get(f"{url}/api/orders/{number}?limit={number}", timeout=60)
    counts = counts_since()
    names = [name for name in counts if name[0] == "http_request_duration_seconds_count"]
    assert len(names) == 4  # these, and the scrape before
    assert requests_of(counts, "none", 404, "other") == 5
    assert requests_of(counts, "none", 405, "other") == 5
    assert requests_of(counts, "none", 404, "GET") == 5


@pytest.mark.slow  # a server of its own
def test_a_cached_user_counts_as_a_hit(start, tmp_path, user):
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, WEB_CONCURRENCY="1", USER_CACHE_TTL="600")
    for _ in range(3):
        post(service, ADD, user, ITEM)
    counts = scrape(service)
    assert calls_of(counts, "user") == 1
    assert counts["user_cache_hits_total",] == 2
