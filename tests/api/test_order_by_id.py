"""One order of the caller's own, open or closed, on every engine."""

import pytest

from tests.support.api import add, checkout, remove, show

NOT_FOUND = {"message": "No order found"}


@pytest.fixture
def order_of(client, login):
    def order_of(order_id, headers=login):
        return client.get(f"/api/order/{order_id}", headers=headers)

    return order_of


def test_an_open_and_a_closed_order_are_shown(client, login, order_of):
    add(client, login, 9)
    closed = checkout(client, login)
    for product_id in (7, 5, 7):
        opened = add(client, login, product_id)
    for answer in (closed, opened):
        shown = order_of(answer.json["result"]["id"])
        assert (shown.status_code, shown.json) == (200, answer.json)
    assert show(client, login).json == opened.json


def test_an_order_without_lines_is_shown(client, login, order_of):
    add(client, login)
    empty = remove(client, login)
    assert order_of(empty.json["result"]["id"]).json == empty.json


@pytest.mark.parametrize("closed", [False, True])
def test_another_user_s_order_cannot_be_told_from_one_that_does_not_exist(
    client, login, user_service, order_of, closed
):
    order_id = add(client, login).json["result"]["id"]
    if closed:
        checkout(client, login)
    admin = {"Authorization": user_service.add("other", is_admin=True)["api_key"]}
    theirs, nobodys = order_of(order_id, admin), order_of(order_id + 1, admin)
    for answer in (theirs, nobodys):
        answer.headers.remove("X-Request-ID")
        assert (answer.status_code, answer.json) == (404, NOT_FOUND)
    assert theirs.headers == nobodys.headers


def test_without_a_login_no_order_is_shown(client, login, order_of):
    order_id = add(client, login).json["result"]["id"]
    for number in (order_id, order_id + 1):
        assert order_of(number, headers={}).status_code == 401


@pytest.mark.parametrize(
    "order_id",
    ["0", "2147483647", "2147483648", str(2**63), "-1", "1.0", "one", "1/", " 1", "%001"],
)
def test_what_is_no_id_of_an_order_is_404(order_of, order_id):
    answer = order_of(order_id)
    assert answer.status_code == 404
    assert answer.json["message"] in ("No order found", "Not found")
