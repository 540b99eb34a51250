"""Instances whose clocks differ, and clocks that jump."""

import random
import time

import pytest
from sqlalchemy import text

from tests.support.databases import autocommit
from tests.support.needs import trials
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers

OUT_OF_ORDER = text(
    "SELECT COUNT(*) FROM order_item one JOIN order_item other ON other.order_id = one.order_id"
    " WHERE one.id < other.id AND one.date_added >= other.date_added"
)
CHANGED_BEFORE_THEY_CAME = [
    text(f"SELECT COUNT(*) FROM `{table}` WHERE date_updated < date_added")
    for table in ("order", "order_item")
]


@pytest.fixture
def ahead(tmp_path):
    """The file with the seconds by which the second instance's clock is ahead."""
    file = tmp_path / "ahead"
    file.write_text("-1")
    return file


@pytest.fixture
def urls(start, database_url, ahead):
    """Two instances on one database: one with the machine's clock, one with the test's."""
    other = {"app": "tests.support.clock_app:app", "TEST_CLOCK": str(ahead)}
    return [start(database_url).url, start(database_url, **other).url]


def test_lines_keep_their_order_over_instances_whose_clocks_differ(
    urls, user_service, database_url, report
):
    products = [6, 5, 4, 3, 2, 1]
    users = [user_service.add(f"shopper{number}") for number in range(10)]
    for user in users:
        shoppers = [Shopper(url, user) for url in urls]
        for number, product in enumerate(products):
            body = {"product_id": product, "qty": 1}
            added = shoppers[number % 2].send("POST", "/add-item", body)
            shown = shoppers[0].cart()
            assert (shown.json(), shown.headers["ETag"]) == (added.json(), added.headers["ETag"])
        assert [item["product_id"] for item in shown.json()["result"]["items"]] == products
    report("clock one second behind", len(users), database_url, "all lines in their order")


@trials(3, 30)
def test_dates_keep_their_order_when_a_clock_jumps_under_load(
    urls, users, ahead, database_url, report, trials
):
    shoppers = Shoppers(urls, users)
    jumps = 0
    with shoppers.at_work():
        end = time.monotonic() + trials  # seconds
        while time.monotonic() < end:
            new = ahead.with_suffix(".new")
            new.write_text(str(random.uniform(-7200, 7200)))
            new.replace(ahead)
            jumps += 1
            time.sleep(0.05)
    with autocommit(database_url) as connection:
        assert connection.scalar(OUT_OF_ORDER) == 0
        assert [connection.scalar(query) for query in CHANGED_BEFORE_THEY_CAME] == [0, 0]
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    report("clock that jumps", jumps, database_url, shoppers.summary())
