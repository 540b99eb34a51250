"""Refusals: their answers, and what a key stores of them."""

import pytest

from application import db
from application.database.transactions import transaction
from application.models import Order
from application.order_api.idempotency import idempotent
from application.refusals import OrderEmpty, Refusal
from tests.support.api import CHECKOUT, add, quantities


class SoldOut(OrderEmpty):
    """A subclass, of which nothing else knows."""


class Gone(Refusal):
    status = 410


class Busy(Refusal):  # 409, by default
    retry_after = 7


@pytest.fixture
def refuse_after_a_change(app, login, user):
    """Send a POST to a view that adds an item, stores it in the database, and then refuses."""

    def send(refusal, **headers):
        @transaction
        @idempotent
        def view():
            order = Order.lock_open(user["id"]) or Order.create(user["id"])
            order.add_item(5, 1)
            db.session.flush()
            raise refusal

        with app.test_request_context(CHECKOUT, method="POST", headers=login | headers):
            app.preprocess_request()
            try:
                return app.make_response(view())
            except Refusal as error:
                return app.make_response(app.handle_user_exception(error))

    return send


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a-click"}], ids=["", "key"])
@pytest.mark.parametrize("refusal", [OrderEmpty, SoldOut, Gone, Busy])
def test_a_refusal_stores_nothing_that_came_before_it(
    client, login, refuse_after_a_change, refusal, headers
):
    add(client, login)
    answer = refuse_after_a_change(refusal("No more"), **headers)
    assert (answer.status_code, answer.json) == (refusal.status, {"message": "No more"})
    assert answer.headers.get("Retry-After") == ("7" if refusal is Busy else None)
    assert quantities(client) == [[1]]


@pytest.mark.parametrize("refusal", [SoldOut, Gone])
def test_a_stored_refusal_is_repeated_even_if_the_order_has_changed(
    client, login, refuse_after_a_change, refusal
):
    key = {"Idempotency-Key": "a-click"}
    first = refuse_after_a_change(refusal("No more"), **key)
    add(client, login)
    again = client.post(CHECKOUT, headers=login | key)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert quantities(client) == [[1]]


def test_a_refusal_that_passes_leaves_its_key_free(client, login, refuse_after_a_change):
    add(client, login)
    key = {"Idempotency-Key": "a-click"}
    assert refuse_after_a_change(Busy("In a moment"), **key).status_code == 409
    assert client.post(CHECKOUT, headers=login | key).status_code == 200
