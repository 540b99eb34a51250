"""The database stops, hangs, hangs up and reports conflicts."""

import json
import shutil
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from pymysql.constants import ER
from requests.exceptions import ChunkedEncodingError
from sqlalchemy import NullPool, create_engine

from tests.benchmark.data import fill
from tests.faults import trials
from tests.faults.mariadb import MariaDB
from tests.faults.proxy import Fault
from tests.faults.shoppers import Shopper, Shoppers
from tests.service import until
from tests.test_database import kill_all_others
from tests.test_metrics import scrape

UNAVAILABLE = {"message": "Database unavailable"}


@pytest.fixture
def server(tmp_path):
    if not shutil.which("mariadbd"):
        pytest.skip("MariaDB's server is not installed")
    server = MariaDB(tmp_path).start()
    yield server
    server.kill()


@trials(2, 10)
def test_a_stopped_database_is_told_at_once_and_soon_forgotten(
    server, start, users, report, trials
):
    service = start(server.url)
    shopper = Shopper(service.url, users[0])
    workers, told, recovered = service.workers(), 0, 0
    for trial in range(trials):
        for _ in range(20):  # both workers have connections
            assert shopper.add().status_code == 200
        (server.stop if trial % 2 else server.kill)()
        began = time.monotonic()
        answer = shopper.add()
        told = max(told, time.monotonic() - began)
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert answer.headers["Retry-After"]
        server.start()
        began = time.monotonic()
        until(lambda: shopper.add().status_code == 200, 5)
        recovered = max(recovered, time.monotonic() - began)
        for _ in range(20):
            assert shopper.cart().status_code == 200
    assert service.workers() == workers
    found = f"503 within {told:.2f} s, well again within {recovered:.2f} s, no stale connection"
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
def test_a_database_that_hangs_is_given_up(start, proxy, users, database_url, report, trials):
    shopper = Shopper(start(proxy.url).url, users[0])
    shopper.add()
    longest = 0
    for _ in range(trials):
        proxy.flows.clear()
        began = time.monotonic()
        with ThreadPoolExecutor(3) as threads:
            calls = [threads.submit(f) for f in (shopper.add, shopper.cart, shopper.checkout)]
        longest = max(longest, time.monotonic() - began)
        for call in calls:
            answer = call.result()
            assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
            assert answer.headers["Retry-After"]
        proxy.flows.set()
        until(lambda: shopper.cart().status_code == 200, 5)
        assert shopper.quantity() == 1
    report("database hangs", trials * 3, database_url, f"503 within {longest:.1f} s")


def test_a_transaction_that_is_tried_again_counts_once(start, proxy, users):
    service = start(proxy.url)
    shopper = Shopper(service.url, users[0])
    proxy.fault = Fault("COMMIT", times=2, code=ER.LOCK_DEADLOCK)
    assert shopper.add().status_code == 200
    counts = scrape(service)
    names = "orders_opened", "items_added", "orders_checked_out", "transaction_retries"
    assert [counts[f"{name}_total",] for name in names] == [1, 1, 0, 2]


@trials(3, 30)
def test_a_probe_does_not_wait_for_a_database_that_hangs(
    start, proxy, database_url, report, trials
):
    service = start(proxy.url)

    def probe(path="/readyz"):
        began = time.monotonic()
        answer = requests.get(service.url + path, timeout=10)
        took.append(time.monotonic() - began)
        return answer.status_code, answer.json()

    took = []
    assert probe()[0] == 200
    proxy.flows.clear()
    unready = {"message": "Not ready", "database": "no answer", "migrations": "unknown"}
    for _ in range(trials):
        assert probe() == (503, unready | {"user_service": "ok"})
        assert probe("/healthz") == (200, {"message": "Alive"})
    proxy.flows.set()
    until(lambda: probe()[0] == 200)
    assert max(took) < 1
    report("probe of a database that hangs", trials, database_url, f"503 in {max(took):.2f} s")


@trials(3, 30)
def test_killed_connections_go_unnoticed(service, users, database_url, report, trials):
    shopper = Shopper(service.url, users[0])
    engine = create_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for _ in range(trials):
            for _ in range(10):
                assert shopper.add().status_code == 200
                assert shopper.cart().status_code == 200
            kill_all_others(connection)
    assert shopper.quantity() == trials * 10
    report("idle connections killed", trials, database_url, f"{trials * 20} requests, all 200")


@trials(1, 10)
def test_connections_killed_under_load_lose_nothing(service, users, database_url, report, trials):
    engine = create_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    shoppers = Shoppers([service.url], users)
    kills = 0
    with shoppers.at_work(), engine.connect() as connection:
        end = time.monotonic() + trials  # seconds
        while time.monotonic() < end:
            kills += kill_all_others(connection)
            time.sleep(0.05)
    assert set(shoppers.statuses) <= {200, 404, 503}
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    report("connections killed under load", kills, database_url, shoppers.summary())


@trials(2, 25)
@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
def test_a_connection_lost_in_commit_is_mended_by_a_retry(
    start, proxy, users, database_url, report, executed, trials
):
    shopper = Shopper(start(proxy.url, WEB_CONCURRENCY="1").url, users[0])
    shopper.add()  # PyMySQL has a COMMIT of its own in a new connection
    for trial in range(trials):
        key = str(uuid.uuid4())
        proxy.fault = Fault("COMMIT", executed=executed)
        answer = shopper.add(key)
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        again = shopper.add(key)
        assert again.status_code == 200
        assert ("Idempotent-Replayed" in again.headers) == executed
        assert shopper.quantity() == trial + 2
    when = "after" if executed else "before"
    found = f"503, then 200: {trials} adds, 0 lost, 0 doubled"
    report(f"connection lost in COMMIT, {when} it", trials, database_url, found)


STATEMENTS = ["SELECT", "INSERT INTO `order`", "INSERT INTO order_item", "UPDATE `order`",
              "UPDATE order_item", "INSERT INTO idempotency_key", "UPDATE idempotency_key",
              "COMMIT"]  # fmt: skip


@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
def test_a_connection_lost_at_any_other_statement_goes_unnoticed(
    start, proxy, users, database_url, report, executed
):
    shopper = Shopper(start(proxy.url, WEB_CONCURRENCY="1").url, users[0])
    shopper.add()
    for statement in STATEMENTS[:-1]:
        shopper.checkout()
        proxy.fault = fault = Fault(statement, executed=executed)
        statuses = {shopper.add(str(uuid.uuid4())).status_code for _ in range(2)}
        assert (statement, statuses, fault.times) == (statement, {200}, 0)
        assert shopper.quantity() == 2
    when = "after" if executed else "before"
    found = "200, sums exact"
    report(f"connection lost {when} a statement", len(STATEMENTS) - 1, database_url, found)


def test_conflicts_at_any_statement_go_unnoticed(start, proxy, users, database_url, report):
    shopper = Shopper(start(proxy.url, WEB_CONCURRENCY="1").url, users[0])
    shopper.add()
    trials = 0
    for code in (1213, 1205, 1020):
        for statement in STATEMENTS:
            shopper.checkout()
            proxy.fault = fault = Fault(statement, times=3, code=code)
            statuses = [shopper.add(str(uuid.uuid4())).status_code for _ in range(4)]
            waits = code == 1205 and statement == "INSERT INTO idempotency_key"
            assert statuses == ([409] * 3 + [200] if waits else [200] * 4)
            assert fault.times == 0
            assert shopper.quantity() == (1 if waits else 4)
            proxy.fault = fault = Fault(statement, times=2, code=code)
            assert shopper.checkout().status_code == 200
            trials += 5
    report("1213, 1205, 1020 at any statement", trials, database_url, "no 5xx, sums exact")


NEXT_PAGE = "(?s)SELECT page.* > [1-9]"


@pytest.fixture
def long_list(start, proxy, database_url):
    """The URL of a list of many pages."""
    service = start(proxy.url)
    engine = create_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        fill(connection, range(1, 1001), lines=5)
    return f"{service.url}/api/orders"


def test_a_list_goes_on_over_a_lost_connection(long_list, proxy):
    proxy.fault = Fault(NEXT_PAGE, times=3)
    assert [order["user_id"] for order in requests.get(long_list).json()] == list(range(1, 1001))
    assert proxy.fault.times == 0


def test_a_list_that_breaks_off_does_not_look_complete(long_list, proxy):
    proxy.fault = Fault(NEXT_PAGE, times=1, code=ER.UNKNOWN_ERROR)
    with pytest.raises(ChunkedEncodingError):
        requests.get(long_list)


def test_a_list_that_breaks_off_is_no_json_to_an_old_client(long_list, proxy):
    """HTTP/1.0 has no chunks: where the connection ends, the body does."""
    proxy.fault = Fault(NEXT_PAGE, times=1, code=ER.UNKNOWN_ERROR)
    url = urlsplit(long_list)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(f"GET {url.path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200")
    assert body.startswith(b'[{"id":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_a_list_that_cannot_begin_is_503(long_list, proxy):
    proxy.fault = Fault("SELECT page", times=1, code=ER.UNKNOWN_ERROR)
    answer = requests.get(long_list)
    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
