"""Changing and removing lines, on every engine."""

import pytest

from tests.support.api import ADD, CHECKOUT, CLEAR, REMOVE, UPDATE

CHANGE = {"product_id": 5, "qty": 7}
NO_ORDER, NO_ITEM, EMPTY = (
    {"message": message} for message in ("No order found", "Item not found", "Order is empty")
)


@pytest.fixture
def post(client, login):
    def post(path, body=None, **headers):
        return client.post(path, data=body, headers=login | headers)

    return post


@pytest.fixture
def show(client, login):
    return lambda: client.get("/api/order", headers=login).json


@pytest.fixture
def cart(post):
    """A cart of two lines."""
    for product_id in (5, 6):
        answer = post(ADD, {"product_id": product_id, "qty": 2})
    return answer.json["result"]


def lines(answer):
    return [(item["product_id"], item["quantity"]) for item in answer.json["result"]["items"]]


@pytest.mark.parametrize("qty", [1, 2, 7, 2147483647])
def test_an_update_sets_the_quantity_and_keeps_the_line_s_place(post, show, cart, qty):
    answer = post(UPDATE, {"product_id": 5, "qty": qty})
    assert answer.status_code == 200
    assert lines(answer) == [(5, qty), (6, 2)]
    assert answer.json == show()
    assert answer.json["result"]["id"] == cart["id"]


def test_a_removed_product_that_is_added_again_comes_last(post, show, cart):
    answer = post(REMOVE, {"product_id": 5})
    assert (answer.status_code, answer.json) == (200, show())
    assert lines(answer) == [(6, 2)]
    assert lines(post(ADD, CHANGE)) == [(6, 2), (5, 7)]


def test_an_empty_order_stays_open_but_cannot_be_checked_out(post, show, cart):
    for product_id in (5, 6):
        answer = post(REMOVE, {"product_id": product_id})
    left = answer.json["result"]
    assert (left["id"], left["is_open"], left["items"]) == (cart["id"], True, [])
    refused = post(CHECKOUT)
    assert (refused.status_code, refused.json) == (409, EMPTY)
    assert show() == {"result": left}
    assert post(ADD, CHANGE).json["result"]["id"] == cart["id"]
    assert post(CHECKOUT).status_code == 200


@pytest.mark.parametrize("path", [UPDATE, REMOVE])
def test_a_missing_order_or_item_is_404_and_nothing_changes(post, show, client, login, path):
    absent = post(path, CHANGE)
    assert (absent.status_code, absent.json) == (404, NO_ORDER)
    assert client.get("/api/orders").json == []
    post(ADD, {"product_id": 6, "qty": 1})
    before = show()
    absent = post(path, CHANGE)
    assert (absent.status_code, absent.json) == (404, NO_ITEM)
    assert show() == before
    closed = post(CHECKOUT).json["result"]
    absent = post(path, {"product_id": 6, "qty": 9})
    assert (absent.status_code, absent.json) == (404, NO_ORDER)
    assert client.get("/api/orders").json == [closed]


@pytest.mark.parametrize("path", [UPDATE, REMOVE, CLEAR])
def test_a_user_cannot_change_another_user_s_cart(client, user_service, show, cart, path):
    other = {"Authorization": user_service.add("other")["api_key"]}
    body = CHANGE | {"order_id": cart["id"], "user_id": cart["user_id"]}
    assert client.post(path, json=body, headers=other).status_code == 404
    assert client.post(path, json=body).status_code == 401
    assert show() == {"result": cart}


@pytest.mark.parametrize(("path", "field"), [(UPDATE, "product_id"), (UPDATE, "qty")])
@pytest.mark.parametrize("value", ["", "0", "-1", "two", "2147483648"])
def test_a_bad_field_is_named_and_changes_nothing(post, show, cart, path, field, value):
    answer = post(path, CHANGE | {field: value})
    rule = "must be a whole number from 1 to 2147483647" if value else "is required"
    assert (answer.status_code, answer.json) == (400, {"message": f"{field} {rule}"})
    assert show() == {"result": cart}


def test_remove_item_requires_the_product_id(post, show, cart):
    answer = post(REMOVE, {"qty": 1})
    assert (answer.status_code, answer.json) == (400, {"message": "product_id is required"})
    assert show() == {"result": cart}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (UPDATE, CHANGE, 200),
        (UPDATE, CHANGE | {"product_id": 9}, 404),
        (REMOVE, {"product_id": 5}, 200),
        (REMOVE, {"product_id": 9}, 404),
        (CLEAR, None, 200),
    ],
)
@pytest.mark.usefixtures("cart")
def test_an_edit_repeated_with_its_key_has_no_further_effect(post, show, path, body, status):
    key = {"Idempotency-Key": "edit"}
    first = post(path, body, **key)
    assert first.status_code == status
    post(ADD, {"product_id": 5, "qty": 1})
    post(ADD, {"product_id": 9, "qty": 1})
    before = show()
    again = post(path, body, **key)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert show() == before


def test_a_refused_checkout_of_an_empty_order_is_replayed_too(post, cart):
    for product_id in (5, 6):
        post(REMOVE, {"product_id": product_id})
    assert post(CHECKOUT, **{"Idempotency-Key": "empty"}).status_code == 409
    post(ADD, CHANGE)
    again = post(CHECKOUT, **{"Idempotency-Key": "empty"})
    assert (again.status_code, again.json) == (409, EMPTY)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert post(CHECKOUT).status_code == 200
