"""The orders that a user has checked out, on every engine."""

from itertools import chain

import pytest

from tests.support.api import HISTORY, add, checkout, linked_pages


def shop(client, login, product_id):
    """Check out an order of one item, and return it."""
    add(client, login, product_id)
    return checkout(client, login).json["result"]


@pytest.fixture
def closed(client, user_service, login):
    """The user's five closed orders, newest first. There are another user's, and an open cart."""
    other = {"Authorization": user_service.add("other")["api_key"]}
    orders = []
    for product_id in range(1, 6):
        shop(client, other, 9)
        orders.insert(0, shop(client, login, product_id))
    add(client, login, 6)
    return orders


def test_the_newest_closed_order_comes_first_and_the_open_one_is_not_listed(client, login, closed):
    answer = client.get(HISTORY, headers=login)
    assert (answer.status_code, answer.json) == (200, closed)
    assert "Link" not in answer.headers


def test_without_checkouts_the_history_is_empty(client, login):
    assert client.get(HISTORY, headers=login).json == []


def test_a_user_sees_only_their_own_history(client, user_service, closed):
    third = {"Authorization": user_service.add("third")["api_key"]}
    parameters = {"user_id": closed[0]["user_id"], "after": closed[0]["id"]}
    assert client.get(HISTORY, query_string=parameters, headers=third).json == []
    assert client.get(HISTORY, query_string=parameters).status_code == 401


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_the_links_lead_through_the_whole_history(client, login, closed, limit):
    pages = linked_pages(client, f"{HISTORY}?limit={limit}", headers=login)
    assert all(len(page) <= limit for page in pages)
    assert list(chain(*pages)) == closed
    assert len(pages) == -(-5 // limit)


def test_without_a_limit_a_page_has_twenty_orders(client, login):
    orders = [shop(client, login, 5) for _ in range(21)][::-1]
    answer = client.get(HISTORY, headers=login)
    assert answer.json == orders[:20]
    assert answer.headers["Link"] == f'<?limit=20&after={orders[19]["id"]}>; rel="next"'


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("limit=0", "limit must be a whole number from 1 to 100"),
        ("limit=101", "limit must be a whole number from 1 to 100"),
        ("limit=1&limit=2", "limit was sent twice"),
        ("after=0", "after must be a whole number from 1 to 2147483647"),
        ("after=two", "after must be a whole number from 1 to 2147483647"),
        ("after=2147483648", "after must be a whole number from 1 to 2147483647"),
    ],
)
def test_a_bad_parameter_is_named(client, login, parameters, message):
    answer = client.get(f"{HISTORY}?{parameters}", headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": message})
