"""The session's transactions: what they store, when they run again, and what they lock."""

import pytest
from sqlalchemy.orm.exc import StaleDataError

from application import db
from application.database.transactions import on_commit, transaction
from application.models import Order
from application.refusals import ItemNotFound
from tests.support.api import (
    CHECKOUT,
    DATABASE_UNAVAILABLE,
    add,
    checkout,
    elsewhere,
    quantities,
    show,
)
from tests.support.databases import engines_of


@pytest.mark.usefixtures("context")
def test_several_changes_in_one_transaction_are_all_stored(client, login, user):
    @transaction
    def open_and_check_out():
        order = Order.create(user["id"])
        order.add_item(5, 1)
        order.add_item(6, 2)
        order.add_item(5, 3)
        order.checkout()
        return order

    @transaction
    def open_and_fill():
        order = Order.create(user["id"])
        for product_id in (7, 8, 9):
            order.add_item(product_id, 1)
        return order

    @transaction
    def change_and_check_out():
        order = Order.lock_open(user["id"])
        order.update_item(8, 4)
        order.remove_item(7)
        order.add_item(5, 1)
        order.checkout()
        return order

    first = open_and_check_out().to_json()
    assert {"result": open_and_fill().to_json()} == show(client, login).json
    second = change_and_check_out().to_json()
    assert client.get("/api/orders").json == [first, second]
    assert quantities(client) == [[4, 2], [4, 1, 1]]
    assert [first["is_open"], second["is_open"]] == [False, False]


@pytest.mark.usefixtures("context")
def test_a_transaction_that_fails_stores_none_of_its_changes(app, client, user):
    @transaction
    def fail_after_a_change():
        order = Order.create(user["id"])
        order.add_item(5, 1)
        db.session.flush()
        order.update_item(6, 1)

    with pytest.raises(ItemNotFound):
        fail_after_a_change()
    assert client.get("/api/orders").json == []
    assert engines_of(app)[0].pool.checkedout() == 0


@pytest.mark.usefixtures("context")
def test_a_change_of_an_order_that_has_changed_since_is_refused(client, login):
    elsewhere(add, client, login)
    order = Order.query.one()
    elsewhere(checkout, client, login)
    order.add_item(5)
    with pytest.raises(StaleDataError):
        db.session.commit()
    db.session.rollback()
    assert not order.is_open
    assert quantities(client) == [[1]]


@pytest.mark.usefixtures("context")
def test_a_view_runs_again_if_the_order_has_changed_since(client, login):
    elsewhere(add, client, login)
    attempts = []

    @transaction
    def add_without_a_lock():
        order = Order.query.one()
        attempts.append(order.version)
        if len(attempts) == 1:
            elsewhere(add, client, login)
        order.add_item(5, 7)

    add_without_a_lock()
    assert attempts == [1, 2]
    assert quantities(client) == [[9]]


@pytest.mark.usefixtures("context")
def test_only_the_end_of_a_transaction_counts(user):
    counted = []

    @transaction
    def keep_one_of_two_savepoints():
        on_commit(lambda: counted.append("outer"))
        with db.session.begin_nested():
            Order.create(user["id"])
        with db.session.begin_nested() as savepoint:
            savepoint.rollback()
        assert counted == []

    keep_one_of_two_savepoints()
    assert counted == ["outer"]
    Order.create(user["id"] + 1)
    on_commit(lambda: counted.append("closed"))
    db.session.close()
    Order.query.one()
    db.session.commit()
    assert counted == ["outer"]


def test_a_conflict_that_lasts_is_a_503(app, login):
    with app.test_request_context(CHECKOUT, method="POST", headers=login):
        answer = app.make_response(app.handle_user_exception(StaleDataError("changed")))
    assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
    assert answer.headers["Retry-After"]


@pytest.mark.usefixtures("context")
def test_a_session_that_has_read_stops_no_writer(client, login):
    """Such as that of a shell that stays open."""
    assert db.session.query(Order).count() == 0
    for call in (add, add, checkout):
        elsewhere(call, client, login)
        assert Order.query.count() == 1
