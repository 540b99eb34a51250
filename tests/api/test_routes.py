"""The HTTP contract of the cart, on every engine."""

import logging

import pytest

from tests.support.api import ADD, CHECKOUT, HISTORY, add, checkout, is_written_as_all_json, show
from tests.support.insides import LOCK_ORDER


def test_without_orders_the_list_is_empty(client):
    assert client.get("/api/orders").json == []


def test_an_item_is_added_shown_listed_and_checked_out(client, user, login):
    order = add(client, login, 5, 2).json["result"]
    now = order["date_added"]
    assert order == {
        "id": order["id"],
        "user_id": user["id"],
        "is_open": True,
        "items": [{"product_id": 5, "quantity": 2, "product": 5}],
        "date_added": now,
        "date_updated": now,
    }
    assert show(client, login).json == {"result": order}
    assert client.get("/api/orders").json == [order]

    closed = checkout(client, login).json["result"]
    assert closed == order | {"is_open": False, "date_updated": closed["date_updated"]}
    assert client.get("/api/orders").json == [closed]


def test_adding_a_product_again_adds_to_its_line_and_lines_keep_their_order(client, login):
    for product_id, quantity in [(9, 1), (5, 2), (9, 3)]:
        answer = add(client, login, product_id, quantity)
    items = answer.json["result"]["items"]
    assert [(item["product_id"], item["quantity"]) for item in items] == [(9, 4), (5, 2)]


def test_an_add_after_the_checkout_opens_a_new_order(client, login):
    first = add(client, login, 5, 2).json["result"]
    checkout(client, login)
    second = add(client, login, 5, 1).json["result"]
    assert second["id"] > first["id"]
    assert [order["is_open"] for order in client.get("/api/orders").json] == [False, True]


def test_without_an_open_order_show_is_200_and_checkout_404(client, login):
    shown = show(client, login)
    assert (shown.status_code, shown.json) == (200, {"message": "No order found"})
    closed = checkout(client, login)
    assert (closed.status_code, closed.json) == (404, {"message": "No order found"})


def test_users_can_neither_see_nor_change_each_others_orders(client, user, user_service, login):
    theirs = add(client, login, 5, 2).json["result"]
    other = {"Authorization": f"Basic {user_service.add('other')['api_key']}"}
    fields = {"id": theirs["id"], "order_id": theirs["id"], "user_id": user["id"]}
    assert client.get("/api/order", query_string=fields, headers=other).json.keys() == {"message"}
    assert client.post(CHECKOUT, json=fields, headers=other).status_code == 404

    body = {"product_id": 5, "qty": 1, "is_open": False, "items": [], "version": 7} | fields
    for encoding in ("data", "json"):
        own = client.post(ADD, **{encoding: body}, headers=other).json["result"]
    assert own["id"] != theirs["id"]
    assert own["user_id"] != user["id"]
    assert own["is_open"]
    assert [item["quantity"] for item in own["items"]] == [2]
    assert show(client, login).json == {"result": theirs}


def test_a_caller_who_is_not_logged_in_learns_the_scheme_of_the_api_key(client):
    """A scheme of its own: with Basic, browsers would ask for a password."""
    for answer in (client.get("/api/order"), client.post(ADD), client.get(HISTORY)):
        assert (answer.status_code, answer.json) == (401, {"message": "Not logged in"})
        assert answer.headers["WWW-Authenticate"] == 'Apikey realm="order service"'


def test_all_json_is_written_in_one_way(client, login, user_service):
    first = add(client, login | {"Idempotency-Key": "k"})
    again = add(client, login | {"Idempotency-Key": "k"})
    refused = add(client, login | {"If-Match": '"1-0"'}), add(client, login, 5, 0), client.get(ADD)
    others = show(client, login), client.get("/api/orders"), client.get("/healthz")
    user_service.answer = lambda handler: handler.send(500, {})
    answers = [first, again, *refused, *others, show(client, login), client.get("/nowhere")]
    assert [a.status_code for a in answers] == [200, 200, 412, 400, 405, 200, 200, 200, 503, 404]
    for answer in answers:
        assert is_written_as_all_json(answer.text), answer.data


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/nowhere", 404, "Not found"),
        ("GET", "/api//orders", 404, "Not found"),
        ("POST", "/api/orders", 405, "Method not allowed"),
        ("GET", ADD, 405, "Method not allowed"),
        ("DELETE", "/api/order/7", 405, "Method not allowed"),
    ],
)
def test_unknown_paths_and_methods_get_json_errors(client, method, path, status, message):
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json) == (status, {"message": message})
    assert status != 405 or answer.headers["Allow"]


def test_an_unexpected_error_is_a_500_and_its_traceback_is_only_in_the_log(
    client, user, login, caplog, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(*LOCK_ORDER, None)
    answer = add(client, login)
    assert (answer.status_code, answer.json) == (500, {"message": "Internal server error"})
    assert "TypeError" in caplog.text
    assert user["api_key"] not in caplog.text
