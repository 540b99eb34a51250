"""The database's server turns read-only while its connections live, as in a switchover."""

import time

import pytest
import requests
from sqlalchemy import make_url

from tests.support.api import DATABASE_UNAVAILABLE, READ_ONLY, statuses
from tests.support.databases import execute_on, migrate
from tests.support.mariadb import MariaDB
from tests.support.metrics import scrape
from tests.support.needs import need_program, trials
from tests.support.processes import until
from tests.support.proxy import Fault, Proxy
from tests.support.shopper import Shopper

TURNED_READ_ONLY = "The database is read-only: "
TURNED_WRITABLE = "The database is writable again"


class Server(MariaDB):
    """A migrated server, and a user of it who is bound by read_only."""

    def start(self):
        super().start()
        execute_on(self.url, "CREATE USER shop@localhost IDENTIFIED BY 'shop'")
        execute_on(self.url, "GRANT ALL ON test.* TO shop@localhost")
        migrate(self.url)
        return self

    def set_read_only(self, value):
        execute_on(self.url, f"SET GLOBAL read_only = {value}")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Two servers: they do not replicate, so that it shows which of them is used."""
    need_program("mariadbd")
    running = []
    try:
        for name in ("old", "new"):
            running.append(server := Server(tmp_path_factory.mktemp(name)))
            server.start()
        yield running
    finally:
        for server in running:
            server.kill()


@pytest.fixture
def address(servers):
    """An address that leads to the old server, and keeps a client's session when it moves."""
    url = make_url(servers[0].url).set(username="shop", password="shop")
    with Proxy(url) as proxy:
        yield proxy
    for server in servers:
        server.set_read_only("OFF")


@pytest.fixture
def service(address, start):
    return start(address.url, WEB_CONCURRENCY="1", USER_CACHE_TTL="0")


@pytest.fixture
def shopper(service, users):
    shopper = Shopper(service.url, users[0])
    shopper.checkout()
    assert shopper.add().status_code == 200
    return shopper


@trials(3, 20)
def test_an_address_that_has_moved_is_followed_at_once(
    servers, address, service, shopper, report, trials
):
    answers = []
    for trial in range(trials):
        servers[trial % 2].set_read_only("ON")
        servers[1 - trial % 2].set_read_only("OFF")
        address.target = "127.0.0.1", servers[1 - trial % 2].port
        answers += [added := shopper.add(), shown := shopper.cart()]
        assert shown.json() == added.json()
    assert statuses(answers) == {200: 2 * trials}
    log = service.log.read_text()
    assert (log.count(TURNED_READ_ONLY), log.count(TURNED_WRITABLE)) == (trials, trials)
    found = f"{dict(statuses(answers))}, reads follow at once"
    report("server turns read-only, address moves", trials, servers[0].url, found)


def test_without_a_writable_server_changes_are_503_and_reads_are_served(
    servers, service, shopper, users, report
):
    stranger = Shopper(service.url, users[1])
    servers[0].set_read_only("ON")
    answers, took = [], []
    for _ in range(5):
        began = time.monotonic()
        answers.append(answer := shopper.add())
        took.append(time.monotonic() - began)
        assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
        assert answer.headers["Retry-After"]
        stranger.checkout()  # has no cart; that MySQL commits its SELECT must not mislead
    assert took[0] > max(took[1:])  # only the first one waits for a writable server
    assert shopper.quantity() == 1
    probe = requests.get(f"{service.url}/readyz", timeout=60)
    assert (probe.status_code, probe.json()) == (503, READ_ONLY)
    log = service.log.read_text()
    assert (log.count(TURNED_READ_ONLY), log.count(TURNED_WRITABLE)) == (1, 0)
    servers[0].set_read_only("OFF")
    assert shopper.add().status_code == 200
    assert requests.get(f"{service.url}/readyz", timeout=60).status_code == 200
    assert service.log.read_text().count(TURNED_WRITABLE) == 1
    found = (
        f"{dict(statuses(answers))}, the first within {took[0]:.1f} s, others {max(took[1:]):.2f}"
    )
    report("server read-only, no other", len(answers), servers[0].url, found)


def test_the_metric_tells_it_even_if_the_worker_that_has_noticed_it_dies(servers, service, shopper):
    def read_only():
        return scrape(service)["database_read_only",]

    assert read_only() == 0
    servers[0].set_read_only("ON")
    assert shopper.add().status_code == 503
    workers = service.workers()
    service.kill_a_worker()
    until(lambda: service.workers() != workers and service.all_serve())
    assert read_only() == 1
    servers[0].set_read_only("OFF")
    assert shopper.add().status_code == 200
    assert read_only() == 0


@pytest.mark.parametrize("code", [1290, 1792, 1836])
def test_a_server_that_turns_read_only_at_any_statement_goes_unnoticed(
    address, shopper, report, servers, code
):
    statements = "INSERT INTO `order`", "INSERT INTO order_item", "UPDATE `order`", "COMMIT"
    answers = []
    for statement in statements:
        shopper.checkout()
        address.fault = fault = Fault(statement, times=2, code=code)
        answers += [shopper.add(), shopper.add()]
        assert fault.times == 0
        assert shopper.quantity() == 2
    assert statuses(answers) == {200: 2 * len(statements)}
    report(f"error {code} at any statement", len(statements), servers[0].url, "200, exact")
