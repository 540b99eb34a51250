"""``make cluster-test``: instances on every node of a Galera cluster, all of them writing.

CLUSTER_URLS names its three nodes, one URL each. The last test kills the third node, if it runs on
this machine: start it again afterwards.
"""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest
import requests
from flask_migrate import upgrade
from sqlalchemy import NullPool, create_engine, make_url

from tests.support.api import add, quantities, statuses
from tests.support.databases import application_on, delete_all, execute_on
from tests.support.races import THREADS, Races
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers

NODES = os.environ.get("CLUSTER_URLS", "").split()
RUNS = [1, 2, 3]


def up_to_date(url):
    """Return the node's URL for connections that wait for what other nodes have committed."""
    return f"{url}?init_command=SET SESSION wsrep_sync_wait=1"


@pytest.fixture(scope="module")
def urls():
    """A migrated database of the cluster, as each node's URL."""
    assert len(NODES) == 3, "CLUSTER_URLS must name three nodes"
    execute_on(NODES[0], "CREATE OR REPLACE DATABASE order_cluster")
    try:
        urls = [
            make_url(node).set(database="order_cluster").render_as_string(hide_password=False)
            for node in NODES
        ]
        with application_on(urls[0]) as app, app.app_context():
            upgrade()
        yield urls
    finally:
        execute_on(NODES[0], "DROP DATABASE order_cluster")


@pytest.fixture
def app(urls, user_service):
    """An application through which the tests read the database."""
    with application_on(urls[0], USER_SERVICE_URL=user_service.url) as app:
        delete_all(app)
        yield app


@pytest.fixture(params=RUNS)
def at_once(urls, user_service):
    """Call a function with each of the arguments, 16 at a time, on every node in turn."""
    with ExitStack() as running, ThreadPoolExecutor(THREADS) as threads:
        apps = [
            running.enter_context(application_on(url, USER_SERVICE_URL=user_service.url))
            for url in urls
        ]

        def at_once(function, arguments):
            calls = [
                threads.submit(function, app.test_client(), item)
                for app, item in zip(cycle(apps), arguments, strict=False)
            ]
            return [call.result() for call in calls]

        yield at_once


class TestRaces(Races):
    """On all nodes at once."""


def test_a_key_is_used_once_on_all_nodes(at_once, client, login):
    def add_with_key(client, number):
        return add(client, login | {"Idempotency-Key": f"key-{number // 6}"})

    answers = at_once(add_with_key, range(300))
    assert statuses(answers) == {200: 300}
    assert quantities(client) == [[50]]


@pytest.fixture
def services(urls, start, app):
    return [start(url) for url in urls]


@pytest.fixture
def slow_node(urls):
    """A connection to the second node, which applies nothing until the tables are unlocked."""
    with create_engine(urls[1], poolclass=NullPool).connect() as connection:
        connection.exec_driver_sql("FLUSH TABLES WITH READ LOCK")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("UNLOCK TABLES")


@pytest.mark.parametrize("call", [Shopper.cart, Shopper.checkout])
def test_an_acknowledged_add_is_visible_on_the_next_node(services, slow_node, users, call):
    shoppers = [Shopper(service.url, users[0]) for service in services]
    with ThreadPoolExecutor(1) as thread:
        assert shoppers[0].add().status_code == 200
        answer = thread.submit(call, shoppers[1])
        waiting = wait([answer], timeout=0.5).not_done
        slow_node.exec_driver_sql("UNLOCK TABLES")
        assert waiting
        assert answer.result().json()["result"]["items"][0]["quantity"] == 1


@pytest.mark.parametrize("run", RUNS)
def test_shoppers_on_all_nodes_lose_nothing(services, urls, users, report, run):
    shoppers = Shoppers([service.url for service in services], users)
    with shoppers.at_work(threads=12):
        time.sleep(10)  # of load
    assert set(shoppers.statuses) == {200, 404}
    for url in urls:
        assert shoppers.check(up_to_date(url)) == {"lost": 0, "doubled": 0}
    report(f"three nodes written to, run {run}", 1, urls[0], shoppers.summary())


def test_a_node_killed_under_load_loses_nothing(services, urls, users, report):
    shoppers = Shoppers([service.url for service in services], users)
    with shoppers.at_work(threads=12):
        time.sleep(3)  # of load
        pid = Path(execute_on(urls[2], "SELECT @@pid_file")).read_text()
        os.kill(int(pid), signal.SIGKILL)
        time.sleep(10)
        before = Counter(shoppers.statuses)
        time.sleep(5)
    assert shoppers.statuses[200] > before[200]
    assert set(shoppers.statuses) <= {200, 404, 503}
    assert shoppers.check(up_to_date(urls[0])) == {"lost": 0, "doubled": 0}
    answer = requests.get(f"{services[2].url}/api/orders", timeout=60)
    assert answer.status_code == 503
    report("one of three nodes killed under load", 1, urls[0], shoppers.summary())
