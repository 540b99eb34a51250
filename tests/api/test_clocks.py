"""Clocks of instances that differ or jump, on every engine."""

import pytest
from sqlalchemy import text

from tests.support.api import ADD, add, checkout, clear, remove, show, update
from tests.support.clock import clock_ahead
from tests.support.idempotency import stored_keys
from tests.support.insides import PRUNE_CHANCE

TIMES = text("SELECT date_added, date_updated FROM order_item ORDER BY date_added")


@pytest.fixture
def shift():
    """Let the service's clock differ by some seconds from now on."""
    ahead = [0]
    with clock_ahead(lambda: ahead[-1]):
        yield ahead.append


@pytest.mark.parametrize("seconds", [-3600, -1])
def test_lines_keep_their_order_if_every_other_add_has_an_earlier_clock(
    client, login, shift, seconds
):
    for product in range(10, 0, -1):
        shift(seconds if product % 2 else 0)
        added = add(client, login, product).json
        assert show(client, login).json == added
    assert [item["product_id"] for item in added["result"]["items"]] == [*range(10, 0, -1)]


@pytest.mark.parametrize(
    "change",
    [
        lambda client, login: add(client, login, 5),
        lambda client, login: add(client, login, 6),
        lambda client, login: update(client, login, 5, 9),
        lambda client, login: remove(client, login, 5),
        lambda client, login: clear(client, login),
        lambda client, login: checkout(client, login),
    ],
)
def test_a_change_is_never_earlier_than_the_one_before(client, login, server, shift, change):
    before = add(client, login, 5).json["result"]
    stored = text("SELECT date_updated FROM `order`")
    last = server.scalar(stored)
    shift(-3600)
    order = change(client, login).json["result"]
    assert order["date_updated"] >= before["date_updated"] >= order["date_added"]
    assert server.scalar(stored) > last
    for added, updated in server.execute(TIMES):
        assert last <= added <= updated


def test_a_line_that_sql_has_dated_later_than_its_order_stays_before_new_ones(
    client, login, server
):
    """As older releases may have left it, or the course's service."""
    add(client, login, 6)
    server.execute(text("UPDATE order_item SET date_added = '2099-01-01 00:00:00'"))
    products = [item["product_id"] for item in add(client, login, 5).json["result"]["items"]]
    assert products == [6, 5]
    shown = show(client, login).json["result"]["items"]
    assert [item["product_id"] for item in shown] == products


@pytest.mark.parametrize("hours", [-25, 25])
def test_a_key_s_age_is_told_by_the_database_s_clock(app, client, login, shift, monkeypatch, hours):
    """Keys are kept for 24 hours, whoever stores or deletes them."""
    keyed = login | {"Idempotency-Key": "k"}
    body = {"product_id": 5, "qty": 1}
    shift(min(hours, 0) * 3600)
    assert client.post(ADD, data=body, headers=keyed).status_code == 200
    shift(max(hours, 0) * 3600)
    monkeypatch.setattr(*PRUNE_CHANCE, 1)
    client.post(ADD, data=body, headers=login | {"Idempotency-Key": "another"})
    assert app.test_cli_runner().invoke(args=["keys", "prune"]).exit_code == 0
    assert stored_keys(app) == 2
    assert client.post(ADD, data=body, headers=keyed).headers["Idempotent-Replayed"] == "true"
    assert show(client, login).json["result"]["items"][0]["quantity"] == 2
