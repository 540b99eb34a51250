"""The models: an order's rules, and how a session stores what they change."""

import pytest
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from application import db
from application.models import MAX_INTEGER, Order, OrderItem
from application.refusals import ItemNotFound, OrderClosed, OrderEmpty, QuantityTooLarge
from tests.support.api import add, elsewhere, quantities, show
from tests.support.databases import engines_of


def order_of(lines, **columns):
    items = [OrderItem(product, quantity) for product, quantity in lines.items()]
    return Order(user_id=1, items=items, **{"is_open": True} | columns)


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("refusal", "lines", "change"),
    [
        (QuantityTooLarge, {5: 1}, lambda order: order.add_item(5, MAX_INTEGER)),
        (QuantityTooLarge, {5: MAX_INTEGER}, lambda order: order.add_item(5, 1)),
        (QuantityTooLarge, {}, lambda order: order.add_item(5, MAX_INTEGER + 1)),
        (ItemNotFound, {6: 1}, lambda order: order.update_item(5, 1)),
        (ItemNotFound, {6: 1}, lambda order: order.remove_item(5)),
        (OrderEmpty, {}, lambda order: order.checkout()),
    ],
)
def test_a_refused_change_needs_no_database_and_changes_nothing(app, refusal, lines, change):
    order = order_of(lines)
    before = order.to_json()
    with pytest.raises(refusal):
        change(order)
    assert order.to_json() == before
    assert [engine.pool.checkedout() for engine in engines_of(app)] == [0, 0]


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    "change",
    [
        lambda order: order.add_item(5),
        lambda order: order.update_item(5, 2),
        lambda order: order.remove_item(5),
        lambda order: order.clear(),
        lambda order: order.checkout(),
    ],
)
def test_a_closed_order_never_changes_again(change):
    order = order_of({5: 1}, is_open=False)
    before = order.to_json()
    with pytest.raises(OrderClosed):
        change(order)
    assert order.to_json() == before


@pytest.mark.usefixtures("context")
def test_a_script_changes_orders_and_commits_as_with_any_model(client, login, user):
    order = Order.create(user["id"])
    order.add_item(5, 2)
    order.add_item(6)
    db.session.commit()
    assert (order.version, order.items[1].order) == (1, order)
    assert show(client, login).json == {"result": order.to_json()}

    order.update_item(5, 9)
    order.remove_item(6)
    db.session.commit()
    assert order.version == 2
    assert show(client, login).json == {"result": order.to_json()}

    order.remove_item(5)
    order.add_item(5)
    order.clear()
    order.add_item(5, 4)
    order.add_item(7, 3)
    order.checkout()
    db.session.commit()
    assert client.get("/api/orders").json == [order.to_json()]
    items = [(item.product_id, item.quantity) for item in Order.query.one().items]
    assert items == [(5, 4), (7, 3)]


@pytest.mark.usefixtures("context")
def test_a_locked_order_is_loaded_whole(client, login, user):
    shown = add(client, login).json["result"]
    assert Order.lock_open(user["id"]).to_json() == shown


@pytest.mark.usefixtures("context")
def test_an_order_that_is_locked_is_read_anew(client, login, user):
    elsewhere(add, client, login)
    order = Order.query.one()
    assert len(order.items) == 1
    elsewhere(add, client, login, 6)
    assert Order.lock_open(user["id"]) is order
    order.remove_item(6)
    db.session.commit()
    assert (order.version, quantities(client)) == (3, [[1]])


@pytest.mark.usefixtures("context")
def test_an_order_of_the_constructor_can_be_changed():
    order = Order(user_id=1)
    order.add_item(5)
    db.session.add(order)
    db.session.commit()
    assert order.to_json()["is_open"] is True


@pytest.mark.parametrize("table", db.metadata.sorted_tables, ids=str)
def test_mysql_can_have_the_tables(table):
    """Its VARCHAR, for one, needs a length, which SQLite's does not."""
    assert str(CreateTable(table).compile(dialect=mysql.dialect()))
