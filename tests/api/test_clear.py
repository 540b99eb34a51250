"""Removing all lines of a cart at once, on every engine."""

import pytest

from tests.support.api import add, checkout, clear, show


@pytest.fixture
def cart(client, login):
    """A cart of two lines."""
    add(client, login, 5, 2)
    return add(client, login, 6).json["result"]


def test_a_cleared_order_stays_open_and_empty(client, login, cart):
    for _ in range(2):
        answer = clear(client, login)
        assert (answer.status_code, answer.json) == (200, show(client, login).json)
        left = answer.json["result"]
        assert left == cart | {"items": [], "date_updated": left["date_updated"]}
    refused = checkout(client, login)
    assert (refused.status_code, refused.json) == (409, {"message": "Order is empty"})


def test_a_cleared_order_can_be_filled_again(client, login, cart):
    clear(client, login)
    filled = add(client, login, 6, 3).json["result"]
    assert (filled["id"], filled["items"][0]["quantity"]) == (cart["id"], 3)
    assert checkout(client, login).status_code == 200


@pytest.mark.usefixtures("cart")
def test_without_an_open_order_nothing_is_cleared(client, login):
    closed = checkout(client, login).json["result"]
    absent = clear(client, login)
    assert (absent.status_code, absent.json) == (404, {"message": "No order found"})
    assert client.get("/api/orders").json == [closed]


def test_another_user_s_cart_is_left(client, login, user_service, cart):
    other = {"Authorization": user_service.add("other")["api_key"]}
    add(client, other, 7)
    assert clear(client, other).json["result"]["items"] == []
    assert show(client, login).json == {"result": cart}
