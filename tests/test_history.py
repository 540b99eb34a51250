"""The orders that a user has checked out, on every engine."""

from itertools import chain

import pytest

from tests.conftest import linked_pages

HISTORY = "/api/order/history"


def shop(client, login, product_id):
    """Check out an order of one item, and return it."""
    body = {"product_id": product_id, "qty": 1}
    client.post("/api/order/add-item", data=body, headers=login)
    return client.post("/api/order/checkout", headers=login).json["result"]


@pytest.fixture
def closed(client, user_service, login):
    """Five orders of the user's, the newest first, among another's, and a cart that is open."""
    other = {"Authorization": user_service.add("other")["api_key"]}
    orders = []
    for product_id in range(1, 6):
        shop(client, other, 9)
        orders.insert(0, shop(client, login, product_id))
    client.post("/api/order/add-item", data={"product_id": 6, "qty": 1}, headers=login)
    return orders


def test_the_newest_order_comes_first_and_the_open_one_not_at_all(client, login, closed):
    answer = client.get(HISTORY, headers=login)
    assert (answer.status_code, answer.json) == (200, closed)
    assert "Link" not in answer.headers


def test_who_has_checked_out_nothing_has_no_history(client, login):
    assert client.get(HISTORY, headers=login).json == []


def test_a_history_is_its_users_own(client, user_service, closed):
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


def test_twenty_orders_are_shown_where_no_limit_is_given(client, login):
    orders = [shop(client, login, 5) for _ in range(21)][::-1]
    answer = client.get(HISTORY, headers=login)
    assert answer.json == orders[:20]
    link = f'<{HISTORY}?limit=20&after={orders[19]["id"]}>; rel="next"'
    assert answer.headers["Link"] == link


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("limit=0", "limit must be a whole number from 1 to 100"),
        ("limit=101", "limit must be a whole number from 1 to 100"),
        ("limit=1&limit=2", "limit must be a whole number from 1 to 100"),
        ("after=0", "after must be a whole number from 1 to 2147483647"),
        ("after=two", "after must be a whole number from 1 to 2147483647"),
        ("after=2147483648", "after must be a whole number from 1 to 2147483647"),
    ],
)
def test_a_bad_page_is_named(client, login, parameters, message):
    answer = client.get(f"{HISTORY}?{parameters}", headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": message})
