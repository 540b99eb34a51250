"""The last flush of a request: it writes what the session's own would."""

import pytest
from sqlalchemy.orm.exc import StaleDataError

from application import db
from application.last_flush import last_flush
from application.models import Order, OrderItem
from tests.support.api import add, elsewhere


def replace_line(order):
    """Change a line's product, and add a line for the product that it had."""
    order.items[0].product_id = 3
    order.add_item(2)


# Changes of an order that has 2 and 5 once each, and what they leave.
CHANGES = {
    "add to a line": (lambda order: order.add_item(5, 4), {2: 1, 5: 5}),
    "add a line": (lambda order: order.add_item(9), {2: 1, 5: 1, 9: 1}),
    "update": (lambda order: order.update_item(2, 7), {2: 7, 5: 1}),
    "remove": (lambda order: order.remove_item(5), {2: 1}),
    "clear": (lambda order: order.clear(), {}),
    "check out": (lambda order: order.checkout(), {2: 1, 5: 1}),
    "close": (lambda order: setattr(order, "is_open", False), {2: 1, 5: 1}),
    "add two lines": (
        lambda order: (order.add_item(9), order.add_item(8)),
        {2: 1, 5: 1, 9: 1, 8: 1},
    ),
    "change two lines": (lambda order: (order.add_item(5), order.add_item(2)), {2: 2, 5: 2}),
    "pop a line": (lambda order: (order.add_item(5), order.items.pop(0)), {5: 2}),
    "replace a line": (replace_line, {3: 1, 5: 1, 2: 1}),
}


def quantities(order):
    return {line.product_id: line.quantity for line in order.items}


@pytest.fixture
def order(client, login, user, context):
    add(client, login, 2)
    add(client, login, 5)
    return Order.lock_open(user["id"])


@pytest.mark.parametrize(("change", "lines"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    "flush", [last_flush, lambda session: session.flush()], ids=["last", "own"]
)
def test_it_writes_what_the_session_s_own_flush_writes(order, flush, change, lines):
    change(order)
    flush(db.session())
    shown, version = order.to_json(), order.version
    assert quantities(order) == lines
    assert version == 3
    db.session.commit()
    db.session.expunge_all()
    stored = Order.query.one()
    assert (stored.to_json(), stored.version) == (shown, version)


def test_a_new_order_and_its_lines_are_written(context):
    order = Order.create(7)
    order.add_item(9, 2)
    order.add_item(8)
    last_flush(db.session())
    shown = order.to_json()
    assert ([*db.session], order.version) == ([], 1)
    db.session.commit()
    stored = Order.query.one()
    assert (stored.to_json(), stored.version) == (shown, 1)


def test_columns_of_a_new_row_have_their_defaults(context):
    db.session.add(Order(user_id=7, items=[OrderItem(5)]))
    last_flush(db.session())
    db.session.commit()
    stored = Order.query.one()
    assert (stored.is_open, stored.open_user_id, stored.version) == (True, 7, 1)
    (line,) = stored.items
    times = [stored.date_added, stored.date_updated, line.date_added, line.date_updated]
    assert None not in times


@pytest.mark.parametrize(
    "change", [lambda order: order.add_item(5), lambda order: order.checkout()]
)
def test_an_order_that_has_changed_since_is_refused(client, login, order, change):
    db.session.commit()  # which unlocks it
    order.to_json()
    elsewhere(add, client, login)
    change(order)
    with pytest.raises(StaleDataError, match="Order"):
        last_flush(db.session())


def test_a_line_may_be_added_before_its_order(context):
    line = OrderItem(5)
    db.session.add(line)
    db.session.add(Order(user_id=7, items=[line]))
    last_flush(db.session())
    db.session.commit()
    assert quantities(Order.query.one()) == {5: 1}


def test_a_deleted_line_is_deleted(order):
    db.session.delete(order.items[0])
    order.checkout()
    last_flush(db.session())
    db.session.commit()
    assert quantities(Order.query.one()) == {5: 1}


def test_a_line_can_be_moved_to_another_order(order):
    other = Order.create(order.user_id + 1)
    other.items.append(order.items[0])
    last_flush(db.session())
    db.session.commit()
    assert [quantities(order) for order in Order.query.order_by(Order.id)] == [{5: 1}, {2: 1}]


def test_nothing_to_write_sends_nothing(order):
    db.session.rollback()
    last_flush(db.session())
    assert not db.session().in_transaction()
