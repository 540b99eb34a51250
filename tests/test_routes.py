"""The HTTP contract, on every engine."""

import logging
from itertools import chain

import pytest

from application.cart import Cart
from application.order_api import pages
from tests.conftest import linked_pages

ADD = "/api/order/add-item"
WHOLE = "must be a whole number from 1 to 2147483647"


def test_no_orders_are_an_empty_list(client):
    assert client.get("/api/orders").json == []


def test_an_item_is_added_shown_listed_and_checked_out(client, user, login):
    order = client.post(ADD, data={"product_id": 5, "qty": 2}, headers=login).json["result"]
    now = order["date_added"]
    assert order == {
        "id": order["id"],
        "user_id": user["id"],
        "is_open": True,
        "items": [{"product_id": 5, "quantity": 2, "product": 5}],
        "date_added": now,
        "date_updated": now,
    }
    assert client.get("/api/order", headers=login).json == {"result": order}
    assert client.get("/api/orders").json == [order]

    closed = client.post("/api/order/checkout", headers=login).json["result"]
    assert closed == order | {"is_open": False, "date_updated": closed["date_updated"]}
    assert client.get("/api/orders").json == [closed]


def test_the_same_product_adds_to_its_line_and_lines_keep_their_order(client, login):
    for product_id, qty in [(9, 1), (5, 2), (9, 3)]:
        answer = client.post(ADD, json={"product_id": product_id, "qty": qty}, headers=login)
    items = answer.json["result"]["items"]
    assert [(item["product_id"], item["quantity"]) for item in items] == [(9, 4), (5, 2)]


def test_after_checkout_the_next_item_opens_a_new_order(client, login):
    first = client.post(ADD, json={"product_id": 5, "qty": 2}, headers=login).json["result"]
    client.post("/api/order/checkout", headers=login)
    second = client.post(ADD, json={"product_id": 5, "qty": 1}, headers=login).json["result"]
    assert second["id"] > first["id"]
    assert [order["is_open"] for order in client.get("/api/orders").json] == [False, True]


def test_without_an_open_order_there_is_none_to_show_or_to_check_out(client, login):
    shown = client.get("/api/order", headers=login)
    assert (shown.status_code, shown.json) == (200, {"message": "No order found"})
    closed = client.post("/api/order/checkout", headers=login)
    assert (closed.status_code, closed.json) == (404, {"message": "No order found"})


def test_users_have_orders_of_their_own(client, user, user_service, login):
    theirs = client.post(ADD, json={"product_id": 5, "qty": 2}, headers=login).json["result"]
    other = {"Authorization": f"Basic {user_service.add('other')['api_key']}"}
    fields = {"id": theirs["id"], "order_id": theirs["id"], "user_id": user["id"]}
    assert client.get("/api/order", query_string=fields, headers=other).json.keys() == {"message"}
    assert client.post("/api/order/checkout", json=fields, headers=other).status_code == 404

    body = {"product_id": 5, "qty": 1, "is_open": False, "items": [], "version": 7} | fields
    for encoding in ("data", "json"):
        own = client.post(ADD, **{encoding: body}, headers=other).json["result"]
    assert own["id"] != theirs["id"]
    assert own["user_id"] != user["id"]
    assert own["is_open"]
    assert [item["quantity"] for item in own["items"]] == [2]
    assert client.get("/api/order", headers=login).json == {"result": theirs}


@pytest.mark.parametrize("field", ["product_id", "qty"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "is required"),
        ("", "is required"),
        ("two", WHOLE),
        ("0", WHOLE),
        ("-1", WHOLE),
        ("1.5", WHOLE),
        ("1e3", WHOLE),
        ("٣", WHOLE),
        ("1_000", WHOLE),
        ("true", WHOLE),
        ("2147483648", WHOLE),
        (str(2**63), WHOLE),
        ("9" * 5000, WHOLE),
        (["1", "2"], WHOLE),
    ],
)
@pytest.mark.parametrize("encoding", ["data", "json"])
def test_bad_input_is_named_and_changes_nothing(client, login, encoding, field, value, rule):
    body = {"product_id": "5", "qty": "2"} | {field: value}
    if value is None:
        del body[field]
    answer = client.post(ADD, **{encoding: body}, headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": f"{field} {rule}"})
    assert client.get("/api/orders").json == []


@pytest.mark.parametrize("value", [True, False, 1.5, 2.0, 0, -1, 2**31, 2**63, [1], {"a": 1}])
def test_a_json_value_must_be_an_integer_in_range(client, login, value):
    answer = client.post(ADD, json={"product_id": 5, "qty": value}, headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": f"qty {WHOLE}"})


@pytest.mark.parametrize("value", ["7", " 7 ", "007"])
def test_digits_count_with_blanks_and_zeros_around(client, login, value):
    body = {"product_id": 5, "qty": value}
    for encoding in ("data", "json"):
        answer = client.post(ADD, **{encoding: body}, headers=login)
        assert answer.status_code == 200
    assert answer.json["result"]["items"][0]["quantity"] == 14


def test_a_line_never_outgrows_its_column(client, login):
    full = client.post(ADD, json={"product_id": 5, "qty": 2**31 - 1}, headers=login)
    answer = client.post(ADD, json={"product_id": 5, "qty": 1}, headers=login)
    assert answer.status_code == 400
    assert answer.json == {"message": "qty must leave the line's quantity at most 2147483647"}
    assert client.get("/api/order", headers=login).json == full.json


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body must be valid JSON"),
        (b"[" * 50_000, "The body must be valid JSON"),
        (b"\xff", "The body must be valid JSON"),
        (b"[]", "The body must be a JSON object"),
        (b"null", "The body must be a JSON object"),
    ],
)
def test_bad_json_is_refused(client, login, body, message):
    answer = client.post(ADD, data=body, content_type="application/json", headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": message})


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_too_large_a_body_is_refused(client, login, content_type):
    answer = client.post(ADD, data=b"a" * 70_000, content_type=content_type, headers=login)
    assert (answer.status_code, answer.json) == (413, {"message": "Request entity too large"})


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/nowhere", 404, "Not found"),
        ("GET", "/api//orders", 404, "Not found"),
        ("POST", "/api/orders", 405, "Method not allowed"),
        ("GET", ADD, 405, "Method not allowed"),
    ],
)
def test_unknown_paths_and_methods_are_answered_in_json(client, method, path, status, message):
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json) == (status, {"message": message})
    assert status != 405 or answer.headers["Allow"]


def test_the_list_of_all_orders_can_be_kept_for_administrators(app, client, user_service, login):
    app.config["ORDERS_REQUIRE_ADMIN"] = True
    admin = {"Authorization": user_service.add("boss", is_admin=True)["api_key"]}
    assert client.get("/api/orders").status_code == 401
    assert client.get("/api/orders", headers=login).status_code == 403
    assert client.get("/api/orders", headers=admin).json == []


def test_the_unforeseen_is_a_500_with_its_traceback_in_the_log_only(
    client, user, login, caplog, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(Cart, "lock", None)
    answer = client.post(ADD, json={"product_id": 5, "qty": 2}, headers=login)
    assert (answer.status_code, answer.json) == (500, {"message": "Internal server error"})
    assert "TypeError" in caplog.text
    assert user["api_key"] not in caplog.text


@pytest.fixture
def some_orders(client, user_service):
    """Six orders, as the service lists them; more than it fetches at a time."""
    for number in range(6):
        login = {"Authorization": user_service.add(f"user{number}")["api_key"]}
        client.post(ADD, data={"product_id": number + 1, "qty": 1}, headers=login)
    return client.get("/api/orders").json


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(pages, "ORDERS_PER_QUERY", 2)


def test_the_whole_list_has_every_order_once(client, some_orders):
    assert [order["items"][0]["product_id"] for order in some_orders] == [1, 2, 3, 4, 5, 6]
    assert client.get(f"/api/orders?after={some_orders[2]['id']}").json == some_orders[3:]
    assert client.get("/api/orders?after=2147483647").json == []


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_the_links_lead_through_all_orders(client, some_orders, limit):
    pages = linked_pages(client, f"/api/orders?limit={limit}")
    assert all(len(page) <= limit for page in pages)
    assert list(chain(*pages)) == some_orders


def test_a_page_that_holds_the_last_order_has_no_link(client, some_orders):
    assert "Link" not in client.get("/api/orders?limit=6").headers
    assert "Link" not in client.get("/api/orders").headers


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("limit=0", "limit must be a whole number from 1 to 1000"),
        ("limit=1001", "limit must be a whole number from 1 to 1000"),
        ("limit=", "limit must be a whole number from 1 to 1000"),
        ("limit=1&limit=2", "limit must be a whole number from 1 to 1000"),
        ("after=-1", "after must be a whole number from 0 to 2147483647"),
        ("after=two", "after must be a whole number from 0 to 2147483647"),
        ("after=2147483648", "after must be a whole number from 0 to 2147483647"),
    ],
)
def test_a_bad_page_is_named(client, parameters, message):
    answer = client.get(f"/api/orders?{parameters}")
    assert (answer.status_code, answer.json) == (400, {"message": message})
