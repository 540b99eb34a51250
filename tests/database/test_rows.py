"""Changes that are written at once: the session and its objects are as after a flush."""

import pytest

from application import db
from application.models import Order, OrderItem
from tests.support.api import add, show

# Each rule, and what it makes of an order that has 2 and 5 once each.
CHANGES = {
    "add to a line": (lambda order: order.add_item(5, 4), {2: 1, 5: 5}),
    "add a line": (lambda order: order.add_item(9), {2: 1, 5: 1, 9: 1}),
    "update": (lambda order: order.update_item(2, 7), {2: 7, 5: 1}),
    "remove": (lambda order: order.remove_item(5), {2: 1}),
    "clear": (lambda order: order.clear(), {}),
    "check out": (lambda order: order.checkout(), {2: 1, 5: 1}),
}
each_change = pytest.mark.parametrize(("change", "lines"), CHANGES.values(), ids=CHANGES)


def quantities(order):
    return {line.product_id: line.quantity for line in order.items}


@pytest.fixture
def order(client, login, context):
    add(client, login, 2)
    add(client, login, 5)
    return Order.query.one()


@each_change
def test_an_object_is_what_the_database_holds(order, change, lines):
    change(order)
    changed, version = order.to_json(), order.version
    assert (quantities(order), version) == (lines, 3)
    assert all(line.order is order for line in order.items)
    assert not db.session.dirty | db.session.new | db.session.deleted
    db.session.expire_all()
    assert (order.to_json(), order.version) == (changed, version)
    db.session.commit()
    assert (order.to_json(), order.version) == (changed, version)


@each_change
@pytest.mark.parametrize("in_savepoint", [False, True])
def test_a_rollback_takes_a_change_back(client, login, order, change, lines, in_savepoint):
    before = order.to_json()
    transaction = db.session.begin_nested() if in_savepoint else db.session
    change(order)
    assert quantities(order) == lines
    transaction.rollback()
    assert (order.to_json(), order.version) == (before, 2)
    db.session.commit()
    assert show(client, login).json == {"result": before}


def new_order(_order):
    return Order(user_id=1, items=[OrderItem(2), OrderItem(5)])


def new_lines(order):
    order.clear()
    order.items.extend([OrderItem(2), OrderItem(5)])
    return order


@each_change
@pytest.mark.parametrize("made", [new_order, new_lines])
def test_what_is_not_stored_yet_is_stored_by_a_change(order, made, change, lines):
    order = made(order)
    change(order)
    db.session.commit()
    assert quantities(order) == lines
    assert order.is_open == (change is not CHANGES["check out"][0])


def test_what_is_changed_without_a_rule_is_flushed(order):
    order.add_item(5)
    order.items[0].quantity = 8
    order.add_item(9)
    order.items.pop(1)
    db.session.commit()
    assert quantities(order) == {2: 8, 9: 1}
