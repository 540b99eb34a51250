"""Connections to the database are lost, and it reports conflicts."""

import time
import uuid
from collections import Counter

import pytest
from pymysql.constants import ER

from tests.support.api import OUTCOME_UNKNOWN, statuses
from tests.support.databases import autocommit, kill_all_others
from tests.support.metrics import scrape
from tests.support.needs import trials
from tests.support.proxy import Fault
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers

STATEMENTS = ["SELECT", "INSERT INTO `order`", "INSERT INTO order_item", "UPDATE `order`",
              "UPDATE order_item", "INSERT IGNORE INTO idempotency_key", "UPDATE idempotency_key",
              "COMMIT"]  # fmt: skip


@trials(3, 30)
def test_killed_connections_go_unnoticed(service, users, database_url, report, trials):
    shopper = Shopper(service.url, users[0])
    answers = []
    with autocommit(database_url) as connection:
        for _ in range(trials):
            for _ in range(10):
                answers += [shopper.add(), shopper.cart()]
            kill_all_others(connection)
    assert statuses(answers) == {200: trials * 20}
    assert shopper.quantity() == trials * 10
    report("idle connections killed", trials, database_url, f"{dict(statuses(answers))}")


@trials(1, 10)
def test_connections_killed_under_load_lose_nothing(service, users, database_url, report, trials):
    shoppers = Shoppers([service.url], users)
    kills = 0
    with shoppers.at_work(), autocommit(database_url) as connection:
        end = time.monotonic() + trials  # seconds
        while time.monotonic() < end:
            kills += kill_all_others(connection)
            time.sleep(0.05)
    assert set(shoppers.statuses) <= {200, 404, 503}
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    report("connections killed under load", kills, database_url, shoppers.summary())


@pytest.fixture
def shopper(start, proxy, users):
    """A user with an item in the cart, of a single worker behind the proxy."""
    shopper = Shopper(start(proxy.url, WEB_CONCURRENCY="1").url, users[0])
    shopper.add()  # PyMySQL sends a COMMIT of its own in a new connection
    return shopper


@trials(2, 25)
@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("code", [0, 3100, 1047, 1317], ids=str)
def test_where_the_outcome_of_a_commit_is_unknown_it_is_a_503_and_a_retry_with_the_key_is_exact(
    shopper, proxy, database_url, report, code, executed, trials
):
    """0 is a lost connection, 3100 and 1047 a cluster's node without its majority."""
    firsts, retries = [], []
    for trial in range(trials):
        key = str(uuid.uuid4())
        # Expired keys may be deleted at the same time, with a COMMIT of their own.
        stored = "UPDATE idempotency_key"
        proxy.fault = Fault("COMMIT", code=code, executed=executed, following=stored)
        firsts.append(first := shopper.add(key))
        assert (first.status_code, first.json()) == (503, OUTCOME_UNKNOWN)
        retries.append(again := shopper.add(key))
        assert again.status_code == 200
        assert ("Idempotent-Replayed" in again.headers) == executed
        assert shopper.quantity() == trial + 2
    when = "after" if executed else "before"
    found = (
        f"{dict(statuses(firsts))}, then {dict(statuses(retries))}:"
        f" {shopper.quantity()} of {trials + 1} adds stored"
    )
    fault = f"error {code}" if code else "connection lost"
    report(f"{fault} in COMMIT, {when} it", trials, database_url, found)


@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
def test_a_connection_lost_at_any_other_statement_goes_unnoticed(
    shopper, proxy, database_url, report, executed
):
    answers, stored = [], 0
    for statement in STATEMENTS[:-1]:
        shopper.checkout()
        proxy.fault = fault = Fault(statement, executed=executed)
        both = [shopper.add(str(uuid.uuid4())) for _ in range(2)]
        assert (statement, dict(statuses(both)), fault.times) == (statement, {200: 2}, 0)
        assert shopper.quantity() == 2
        answers += both
        stored += shopper.quantity()
    when = "after" if executed else "before"
    found = f"{dict(statuses(answers))}, {stored} of {len(answers)} adds stored"
    report(f"connection lost {when} a statement", len(STATEMENTS) - 1, database_url, found)


def test_conflicts_at_any_statement_go_unnoticed(shopper, proxy, database_url, report):
    found, accepted, stored = Counter(), 0, 0
    for code in (1213, 1205, 1020, 1180, 3101):
        for statement in STATEMENTS:
            shopper.checkout()
            proxy.fault = fault = Fault(statement, times=3, code=code)
            answers = [shopper.add(str(uuid.uuid4())) for _ in range(4)]
            # Error 1205 of this INSERT means that another request with the key is running. The
            # service tries three times before it answers so.
            running = code == 1205 and statement == "INSERT IGNORE INTO idempotency_key"
            first = 409 if running else 200
            assert [answer.status_code for answer in answers] == [first, 200, 200, 200]
            assert fault.times == 0
            assert shopper.quantity() == (3 if running else 4)
            accepted += statuses(answers)[200]
            stored += shopper.quantity()
            proxy.fault = fault = Fault(statement, times=2, code=code)
            answers.append(shopper.checkout())
            assert answers[-1].status_code == 200
            found += statuses(answers)
    found_text = f"{dict(found)}, {stored} of {accepted} adds stored"
    report("1213, 1205, 1020, 1180, 3101 at any statement", found.total(), database_url, found_text)


def test_a_retried_transaction_is_counted_once(start, proxy, users):
    service = start(proxy.url)
    shopper = Shopper(service.url, users[0])
    proxy.fault = Fault("COMMIT", times=2, code=ER.LOCK_DEADLOCK)
    assert shopper.add().status_code == 200
    counts = scrape(service)
    names = "orders_opened", "items_added", "orders_checked_out", "transaction_retries"
    assert [counts[f"{name}_total",] for name in names] == [1, 1, 0, 2]
