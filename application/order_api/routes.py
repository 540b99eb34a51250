"""The routes: what happens, in the order in which it happens."""

from functools import partial

from flask import Response, current_app, jsonify
from werkzeug.exceptions import Forbidden, NotFound

from application.cart import Cart
from application.models import MAX_INTEGER
from application.orders import read_closed_orders, read_open_order, read_order, read_orders
from application.transactions import transaction

from . import order_api_blueprint
from .caller import current_user
from .conditions import check_conditions, conditional_response, etag, order_response
from .fields import query_number, whole_number
from .idempotency import idempotent
from .pages import page_response, stream_all
from .user_client import User

MAX_ORDERS, MAX_HISTORY = 1000, 100  # orders on a page
DEFAULT_HISTORY = 20


@order_api_blueprint.get("/api/orders")
def orders() -> Response:
    """List everybody's or one user's orders, oldest first: all of them, or ``limit`` at most."""
    if current_app.config["ORDERS_REQUIRE_ADMIN"] and not current_user().is_admin:
        raise Forbidden("Only for administrators")
    read = partial(read_orders, query_number("user_id", 1, MAX_INTEGER))
    after = query_number("after", 0, MAX_INTEGER) or 0
    limit = query_number("limit", 1, MAX_ORDERS)
    return page_response(read, after, limit) if limit else stream_all(read, after)


@order_api_blueprint.post("/api/order/add-item")
@transaction
@idempotent
def add_item() -> Response:
    """Add a product to the caller's open order; open one if there is none."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    cart = lock_cart(user) or Cart.create(user.id)
    cart.add_item(product_id, quantity)
    return cart_response(cart)


@order_api_blueprint.post("/api/order/update-item")
@transaction
@idempotent
def update_item() -> Response:
    """Set the quantity of a product in the caller's open order."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    cart = require_cart(user)
    cart.update_item(product_id, quantity)
    return cart_response(cart)


@order_api_blueprint.post("/api/order/remove-item")
@transaction
@idempotent
def remove_item() -> Response:
    """Remove a product from the caller's open order, which stays open even if it is empty."""
    user, product_id = current_user(), whole_number("product_id")
    cart = require_cart(user)
    cart.remove_item(product_id)
    return cart_response(cart)


@order_api_blueprint.post("/api/order/clear")
@transaction
@idempotent
def clear() -> Response:
    """Remove all products from the caller's open order, which stays open."""
    cart = require_cart(current_user())
    cart.clear()
    return cart_response(cart)


@order_api_blueprint.get("/api/order")
def open_order() -> Response:
    """Show the caller's open order; 200 if there is none, too: the frontend's login needs it."""
    order = read_open_order(current_user().id)
    return conditional_response(*order) if order else jsonify(message="No order found")


@order_api_blueprint.get(f"/api/order/<int(max={MAX_INTEGER}):order_id>")
def order_by_id(order_id: int) -> Response:
    """Show one order of the caller's own, open or closed."""
    order = read_order(order_id, current_user().id)
    if order is None:
        raise NotFound("No order found")
    return conditional_response(*order)


@order_api_blueprint.get("/api/order/history")
def history() -> Response:
    """List the caller's closed orders, newest first."""
    user = current_user()
    before = query_number("after", 1, MAX_INTEGER) or MAX_INTEGER + 1
    limit = query_number("limit", 1, MAX_HISTORY) or DEFAULT_HISTORY
    return page_response(partial(read_closed_orders, user.id), before, limit)


@order_api_blueprint.post("/api/order/checkout")
@transaction
@idempotent
def checkout() -> Response:
    """Close the caller's open order, which must not be empty."""
    cart = require_cart(current_user())
    cart.checkout()
    return cart_response(cart)


def lock_cart(user: User) -> Cart | None:
    """Return the user's open order, locked, None if there is none. Raises PreconditionFailed."""
    cart = Cart.lock(user.id)
    check_conditions(etag(cart.id, cart.version) if cart else None)
    return cart


def require_cart(user: User) -> Cart:
    """Return the user's open order, locked. Raises NotFound, PreconditionFailed."""
    cart = lock_cart(user)
    if cart is None:
        raise NotFound("No order found")
    return cart


def cart_response(cart: Cart) -> Response:
    return order_response(cart.to_json(), cart.version)
