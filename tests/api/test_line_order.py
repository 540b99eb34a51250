"""The order of an order's lines: by the time when they were first added, on every engine."""

import pytest
from sqlalchemy import text

from tests.support.api import HISTORY, add, checkout, remove, show, update

SET_DATE = text("UPDATE order_item SET date_added = :date WHERE product_id = :product")
# Of products in the order of their ids, as a cluster's nodes may assign them.
DATES = {
    1: "2026-01-01 12:00:00.000003",
    2: "2026-01-01 12:00:00.000001",
    3: None,  # of a course database
    4: "2026-01-01 12:00:00.000002",
    5: "2026-01-01 12:00:00.000002",
    6: None,
}
FIRST_ADDED = [3, 6, 2, 4, 5, 1]


@pytest.fixture
def cart(client, login, server):
    """A cart whose lines have other dates than their ids suggest."""
    for product, date in DATES.items():
        add(client, login, product)
        server.execute(SET_DATE, {"date": date, "product": product})


def products(order):
    return [item["product_id"] for item in order["items"]]


@pytest.mark.usefixtures("cart")
def test_lines_stand_in_the_order_of_their_dates_then_of_their_ids(client, login):
    assert products(show(client, login).json["result"]) == FIRST_ADDED
    assert [products(order) for order in client.get("/api/orders").json] == [FIRST_ADDED]
    assert [products(order) for order in client.get("/api/orders?limit=1").json] == [FIRST_ADDED]
    assert products(checkout(client, login).json["result"]) == FIRST_ADDED
    history = client.get(HISTORY, headers=login).json
    assert [products(order) for order in history] == [FIRST_ADDED]


@pytest.mark.usefixtures("cart")
@pytest.mark.parametrize(
    ("change", "after"),
    [
        (lambda client, login: add(client, login, 2), FIRST_ADDED),
        (lambda client, login: add(client, login, 7), [*FIRST_ADDED, 7]),
        (lambda client, login: update(client, login, 6, 9), FIRST_ADDED),
        (lambda client, login: remove(client, login, 2), [3, 6, 4, 5, 1]),
    ],
)
def test_a_change_answers_with_the_lines_in_that_order(client, login, change, after):
    answer = change(client, login)
    assert products(answer.json["result"]) == after
    assert answer.json == show(client, login).json


def test_a_line_s_date_is_stored_to_the_microsecond(client, login, server):
    for product in range(1, 11):  # so that not all of them fall on a whole millisecond
        add(client, login, product)
    dates = server.scalars(text("SELECT date_added FROM order_item")).all()
    assert any(int(str(date).partition(".")[2] or 0) % 1000 for date in dates)


@pytest.mark.usefixtures("cart")
def test_a_change_of_a_line_keeps_the_date_on_which_it_was_first_added(client, login, server):
    add(client, login, 2)
    update(client, login, 2, 9)
    query = text("SELECT date_added FROM order_item WHERE product_id = 2")
    assert str(server.scalar(query)) == DATES[2]
