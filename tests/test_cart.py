"""The cart as an object: its rules without a database, and its changes in a transaction."""

import pytest

from application.cart import Cart, ItemNotFound, OrderEmpty, QuantityTooLarge
from application.models import MAX_INTEGER
from application.transactions import transaction
from tests.support.api import show
from tests.support.databases import engines_of


def cart_of(lines):
    return Cart(id=1, user_id=1, version=1, lines=dict(lines), date_added=None)


@pytest.mark.parametrize(
    ("refusal", "lines", "change"),
    [
        (QuantityTooLarge, {5: 1}, lambda cart: cart.add_item(5, MAX_INTEGER)),
        (QuantityTooLarge, {5: MAX_INTEGER}, lambda cart: cart.add_item(5, 1)),
        (QuantityTooLarge, {}, lambda cart: cart.add_item(5, MAX_INTEGER + 1)),
        (ItemNotFound, {6: 1}, lambda cart: cart.update_item(5, 1)),
        (ItemNotFound, {6: 1}, lambda cart: cart.remove_item(5)),
        (OrderEmpty, {}, lambda cart: cart.checkout()),
    ],
)
def test_a_refused_change_needs_no_database_and_changes_nothing(refusal, lines, change):
    cart = cart_of(lines)
    with pytest.raises(refusal):
        change(cart)
    assert cart == cart_of(lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda: Cart.lock(1),
        lambda: Cart.create(1),
        lambda: cart_of({}).add_item(5, 1),
        lambda: cart_of({5: 1}).add_item(5, 1),
        lambda: cart_of({5: 1}).update_item(5, 2),
        lambda: cart_of({5: 1}).remove_item(5),
        lambda: cart_of({5: 1}).checkout(),
    ],
)
def test_a_change_outside_of_a_transaction_says_so_and_takes_no_connection(app, change):
    with app.app_context():
        with pytest.raises(RuntimeError, match="@transaction"):
            change()
        assert [engine.pool.checkedout() for engine in engines_of(app)] == [0, 0]


def test_several_changes_in_one_transaction_are_all_stored(app, client, login, user):
    @transaction
    def open_and_check_out():
        cart = Cart.create(user["id"])
        cart.add_item(5, 1)
        cart.add_item(6, 2)
        cart.add_item(5, 3)
        cart.checkout()
        return {"result": cart.to_json()}

    @transaction
    def open_and_fill():
        cart = Cart.create(user["id"])
        for product_id in (7, 8, 9):
            cart.add_item(product_id, 1)
        return {"result": cart.to_json()}

    @transaction
    def change_and_check_out():
        cart = Cart.lock(user["id"])
        cart.update_item(8, 4)
        cart.remove_item(7)
        cart.add_item(5, 1)
        cart.checkout()
        return {"result": cart.to_json()}

    with app.app_context():
        first = open_and_check_out()["result"]
        assert open_and_fill() == show(client, login).json
        second = change_and_check_out()["result"]
    assert [quantities_of(first), quantities_of(second)] == [{5: 4, 6: 2}, {8: 4, 9: 1, 5: 1}]
    assert client.get("/api/orders").json == [first, second]


def quantities_of(order):
    assert not order["is_open"]
    return {item["product_id"]: item["quantity"] for item in order["items"]}


def test_a_transaction_that_fails_stores_none_of_its_changes(app, client, user):
    @transaction
    def fail_after_a_change():
        cart = Cart.create(user["id"])
        cart.add_item(5, 1)
        cart.update_item(6, 1)

    with app.app_context(), pytest.raises(ItemNotFound):
        fail_after_a_change()
    assert client.get("/api/orders").json == []
    assert engines_of(app)[0].pool.checkedout() == 0
