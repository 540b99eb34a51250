"""The routes: what happens, in the order in which it happens."""

from collections.abc import Callable
from functools import partial, wraps

from flask import Response, current_app, g, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, NotFound

from application.database import db
from application.database.transactions import transaction
from application.last_flush import last_flush
from application.models import MAX_INTEGER, Order
from application.orders import read_closed_orders, read_open_order, read_order, read_orders

from . import order_api_blueprint
from .caller import current_user
from .conditions import check_conditions, conditional_response, order_response
from .fields import query_number, read_fields, whole_number
from .idempotency import idempotent
from .pages import page_response, stream_all
from .user_client import User

MAX_ORDERS = 1000  # on a page of everybody's orders
MAX_HISTORY = 100  # on a page of the caller's closed orders
DEFAULT_HISTORY = 20


def change(
    path: str, has_fields: bool = True
) -> Callable[[Callable[[], Order]], Callable[[], ResponseReturnValue]]:
    """Register a view for POST that changes an order and returns it.

    It is one transaction, and its answer is kept under the request's Idempotency-Key. If it has no
    fields, its body may be anything.
    """

    def register(view: Callable[[], Order]) -> Callable[[], ResponseReturnValue]:
        @transaction
        @idempotent
        def answer() -> Response:
            order = view()
            last_flush(db.session())  # counts the version, and gives a new order its id
            return order_response(order.to_json(), order.version)

        @order_api_blueprint.post(path)
        @wraps(view)
        def post() -> ResponseReturnValue:
            if has_fields:
                g.fields = read_fields()
            return answer()

        return post

    return register


@order_api_blueprint.get("/api/orders")
def orders() -> Response:
    """List everybody's or one user's orders, oldest first: all of them, or ``limit`` at most."""
    if current_app.config["ORDERS_REQUIRE_ADMIN"] and not current_user().is_admin:
        raise Forbidden("Only for administrators")
    read = partial(read_orders, query_number("user_id", 1, MAX_INTEGER))
    after = query_number("after", 0, MAX_INTEGER) or 0
    limit = query_number("limit", 1, MAX_ORDERS)
    return page_response(read, after, limit) if limit else stream_all(read, after)


@change("/api/order/add-item")
def order_add_item() -> Order:
    """Add a product to the caller's open order; open one if there is none."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    order = lock_order(user) or Order.create(user.id)
    order.add_item(product_id, quantity)
    return order


@change("/api/order/update-item")
def update_item() -> Order:
    """Set the quantity of a product in the caller's open order."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    order = require_order(user)
    order.update_item(product_id, quantity)
    return order


@change("/api/order/remove-item")
def remove_item() -> Order:
    """Remove a product from the caller's open order, which stays open even if it is empty."""
    user, product_id = current_user(), whole_number("product_id")
    order = require_order(user)
    order.remove_item(product_id)
    return order


@change("/api/order/clear", has_fields=False)
def clear() -> Order:
    """Remove all products from the caller's open order, which stays open."""
    order = require_order(current_user())
    order.clear()
    return order


@order_api_blueprint.get("/api/order")
def order() -> Response:
    """Show the caller's open order; 200 if there is none, too: the frontend's login needs it."""
    shown = read_open_order(current_user().id)
    return conditional_response(*shown) if shown else jsonify(message="No order found")


@order_api_blueprint.get(f"/api/order/<int(max={MAX_INTEGER}):order_id>")
def order_by_id(order_id: int) -> Response:
    """Show one order of the caller's own, open or closed."""
    shown = read_order(order_id, current_user().id)
    if shown is None:
        raise NotFound("No order found")
    return conditional_response(*shown)


@order_api_blueprint.get("/api/order/history")
def history() -> Response:
    """List the caller's closed orders, newest first."""
    user = current_user()
    before = query_number("after", 1, MAX_INTEGER) or MAX_INTEGER + 1
    limit = query_number("limit", 1, MAX_HISTORY) or DEFAULT_HISTORY
    return page_response(partial(read_closed_orders, user.id), before, limit)


@change("/api/order/checkout", has_fields=False)
def checkout() -> Order:
    """Close the caller's open order, which must not be empty."""
    order = require_order(current_user())
    order.checkout()
    return order


def lock_order(user: User) -> Order | None:
    """Return the user's open order, locked, None if there is none. Raises PreconditionFailed."""
    order = Order.lock_open(user.id)
    check_conditions(order)
    return order


def require_order(user: User) -> Order:
    """Return the user's open order, locked. Raises NotFound, PreconditionFailed."""
    order = lock_order(user)
    if order is None:
        raise NotFound("No order found")
    return order
