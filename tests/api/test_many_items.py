"""Orders with many lines: how many there may be, and lists of such orders, on every engine."""

import pytest
from sqlalchemy import text

from application.models import MAX_ITEMS
from tests.support.api import HISTORY, add, checkout, clear, linked_pages, remove, show, update
from tests.support.insides import MAX_ROWS
from tests.support.orders import lengthen

FULL = {"message": "An order has 500 items at most"}


@pytest.fixture
def full(client, login, server):
    """The user's open order, with as many lines as there may be."""
    add(client, login, 1)
    lengthen(server, MAX_ITEMS)
    assert len(show(client, login).json["result"]["items"]) == MAX_ITEMS


@pytest.mark.usefixtures("full")
def test_another_product_is_refused_and_everything_else_goes_on(client, login):
    refused = add(client, login, 1000)
    assert (refused.status_code, refused.json) == (409, FULL)
    assert len(show(client, login).json["result"]["items"]) == MAX_ITEMS
    for change in (
        lambda: add(client, login, 500),
        lambda: update(client, login, 500, 7),
        lambda: remove(client, login, 500),
        lambda: add(client, login, 1000),
    ):
        assert change().status_code == 200
    assert checkout(client, login).status_code == 200
    assert add(client, login, 1000).status_code == 200


@pytest.mark.usefixtures("full")
def test_the_refusal_is_replayed(client, login):
    keyed = login | {"Idempotency-Key": "k"}
    assert add(client, keyed, 1000).json == FULL
    clear(client, login)
    again = add(client, keyed, 1000)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (FULL, "true")


def test_an_order_that_is_longer_is_shown_and_can_be_shortened(client, login, server):
    """As the course's service may have left it."""
    add(client, login, 1)
    lengthen(server, MAX_ITEMS + 2)
    assert add(client, login, 1000).json == FULL
    assert len(add(client, login, 1).json["result"]["items"]) == MAX_ITEMS + 2
    assert remove(client, login, 2).status_code == 200
    assert add(client, login, 1000).json == FULL
    assert len(show(client, login).json["result"]["items"]) == MAX_ITEMS + 1


@pytest.fixture
def orders(client, login, server, monkeypatch):
    """The JSON of closed orders, one of them longer than what a query may read, oldest first."""
    monkeypatch.setattr(*MAX_ROWS, 10)
    shown = []
    for length in (1, 5, 4, 25, 1, 10, 3):
        number = add(client, login, 1).json["result"]["id"]
        lengthen(server, length)
        server.execute(text("UPDATE `order` SET is_open = 0 WHERE is_open"))
        shown.append(client.get(f"/api/order/{number}", headers=login).json["result"])
        assert len(shown[-1]["items"]) == length
    return shown


@pytest.mark.parametrize("path", ["/api/orders", "/api/orders?user_id={}"])
def test_the_whole_list_has_all_orders_with_all_lines(client, user, orders, path):
    assert client.get(path.format(user["id"])).json == orders


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_end_earlier_if_their_orders_are_long(client, login, orders, limit):
    pages = linked_pages(client, f"/api/orders?limit={limit}")
    assert [order for page in pages for order in page] == orders
    history = linked_pages(client, f"{HISTORY}?limit={limit}", headers=login)
    assert [order for page in history for order in page] == orders[::-1]
    for page in (*pages, *history):
        lines = sum(len(order["items"]) for order in page)
        assert len(page) == 1 or lines < 10
        assert len(page) <= limit
