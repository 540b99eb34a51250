"""Copies of SQLite's file, made and restored beside the running service."""

import sqlite3
from contextlib import closing

import pytest

from tests.support.needs import trials
from tests.support.restores import check_restored
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers
from tests.support.stored_orders import read_orders


@pytest.fixture
def file(tmp_path):
    return tmp_path / "order.db"


@pytest.fixture
def service(file, start):
    return start(f"sqlite:///{file}")


def backup(source, target):
    """Copy a database by the function of SQLite that ``.backup`` and ``.restore`` call."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as two:
        one.backup(two)


def vacuum(source, target):
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", [str(target)])


def integrity(file):
    """Return SQLite's own verdict on a file: "ok"."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


both_ways = pytest.mark.parametrize("copy", [backup, vacuum])


@both_ways
@trials(3, 20)
def test_a_copy_made_under_load_has_all_that_was_answered_before(
    service, file, tmp_path, users, report, copy, trials
):
    shoppers = Shoppers([service.url], users)
    with shoppers.at_work():
        for trial in range(trials):
            shoppers.await_more(200, 20)
            added, target = shoppers.added.copy(), tmp_path / f"copy{trial}.db"
            copy(file, target)
            assert integrity(target) == "ok"
            stored, _closed = read_orders(f"sqlite:///{target}")
            assert all(stored[line] >= count for line, count in added.items())
    assert set(shoppers.statuses) <= {200, 404}
    assert shoppers.check(service.database_url) == {"lost": 0, "doubled": 0}
    report(f"{copy.__name__} under load", trials, "sqlite", shoppers.summary())


@both_ways
def test_after_a_copy_is_restored_clients_notice_and_can_retry(
    service, file, tmp_path, users, copy
):
    shopper, target = Shopper(service.url, users[0]), tmp_path / "copy.db"
    shopper.add("kept")
    copy(file, target)
    check_restored(shopper, lambda: backup(target, file))
    assert integrity(file) == "ok"


@trials(3, 20)
def test_a_copy_restored_under_load_fails_no_request(
    service, file, tmp_path, users, report, trials
):
    shoppers, target = Shoppers([service.url], users), tmp_path / "copy.db"
    with shoppers.at_work():
        for _ in range(trials):
            shoppers.await_more(200, 20)
            backup(file, target)
            shoppers.await_more(200, 20)
            backup(target, file)
        shoppers.await_more(200, 20)
    assert set(shoppers.statuses) <= {200, 404}
    assert integrity(file) == "ok"
    read_orders(service.database_url)
    report("restore under load", trials, "sqlite", str(dict(shoppers.statuses)))
