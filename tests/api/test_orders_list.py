"""The list of everybody's orders, whole and in pages, on every engine."""

from itertools import chain

import pytest

from tests.support.api import add, checkout, linked_pages
from tests.support.insides import ORDERS_PER_QUERY


@pytest.fixture
def some_orders(client, user_service):
    """Six orders, as the service lists them: more than it reads with one query."""
    for number in range(6):
        login = {"Authorization": user_service.add(f"user{number}")["api_key"]}
        add(client, login, number + 1)
    return client.get("/api/orders").json


@pytest.fixture(autouse=True)
def few_orders_per_query(monkeypatch):
    monkeypatch.setattr(*ORDERS_PER_QUERY, 2)


def test_the_list_can_be_limited_to_administrators(app, client, user_service, login):
    app.config["ORDERS_REQUIRE_ADMIN"] = True
    admin = {"Authorization": user_service.add("boss", is_admin=True)["api_key"]}
    assert client.get("/api/orders").status_code == 401
    assert client.get("/api/orders", headers=login).status_code == 403
    assert client.get("/api/orders", headers=admin).json == []


def test_the_whole_list_has_every_order_once(client, some_orders):
    assert [order["items"][0]["product_id"] for order in some_orders] == [1, 2, 3, 4, 5, 6]
    assert client.get(f"/api/orders?after={some_orders[2]['id']}").json == some_orders[3:]
    assert client.get("/api/orders?after=2147483647").json == []


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_the_links_lead_through_all_orders(client, some_orders, limit):
    pages = linked_pages(client, f"/api/orders?limit={limit}")
    assert all(len(page) <= limit for page in pages)
    assert list(chain(*pages)) == some_orders


def test_the_list_can_be_limited_to_one_user(client, user_service, login, user, some_orders):
    for product_id in (5, 6, 7, 8, 9):
        add(client, login, product_id)
        checkout(client, login)
    theirs = client.get(f"/api/orders?user_id={user['id']}").json
    assert theirs == [o for o in client.get("/api/orders").json if o["user_id"] == user["id"]]
    assert [order["items"][0]["product_id"] for order in theirs] == [5, 6, 7, 8, 9]
    for limit in (1, 2, 5):
        pages = linked_pages(client, f"/api/orders?user_id={user['id']}&limit={limit}")
        assert all(len(page) <= limit for page in pages)
        assert list(chain(*pages)) == theirs
    rest = client.get(f"/api/orders?after={theirs[1]['id']}&user_id={user['id']}").json
    assert rest == theirs[2:]
    assert client.get("/api/orders?user_id=2147483647").json == []


def test_a_link_is_relative_and_keeps_the_parameters(client, some_orders):
    user_id = some_orders[0]["user_id"]
    assert "Link" not in client.get(f"/api/orders?user_id={user_id}&limit=1").headers
    link = client.get("/api/orders?limit=1&after=0&note=%22%3E%0d%C3%A9").headers["Link"]
    after = some_orders[0]["id"]
    assert link == f'<?limit=1&after={after}&note=%22%3E%0D%C3%A9>; rel="next"'


def test_the_page_with_the_last_order_has_no_link(client, some_orders):
    assert "Link" not in client.get("/api/orders?limit=6").headers
    assert "Link" not in client.get("/api/orders").headers


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("limit=0", "limit must be a whole number from 1 to 1000"),
        ("limit=1001", "limit must be a whole number from 1 to 1000"),
        ("limit=", "limit must be a whole number from 1 to 1000"),
        ("limit=1&limit=2", "limit was sent twice"),
        ("after=-1", "after must be a whole number from 0 to 2147483647"),
        ("after=two", "after must be a whole number from 0 to 2147483647"),
        ("after=2147483648", "after must be a whole number from 0 to 2147483647"),
        ("user_id=0", "user_id must be a whole number from 1 to 2147483647"),
        ("user_id=", "user_id must be a whole number from 1 to 2147483647"),
        ("user_id=two&limit=1", "user_id must be a whole number from 1 to 2147483647"),
        ("user_id=1&user_id=2", "user_id was sent twice"),
    ],
)
def test_a_bad_parameter_is_named(client, parameters, message):
    answer = client.get(f"/api/orders?{parameters}")
    assert (answer.status_code, answer.json) == (400, {"message": message})
