"""The routes: what happens, in the order in which it happens."""

from functools import partial
from typing import Any

from flask import Response, current_app
from werkzeug.exceptions import Forbidden, NotFound

from application.cart import Cart
from application.models import MAX_INTEGER
from application.orders import read_closed_orders, read_open_order, read_orders
from application.transactions import transaction

from . import order_api_blueprint
from .caller import current_user
from .fields import query_number, whole_number
from .idempotency import idempotent
from .pages import page_response, stream_all
from .user_client import User

MAX_ORDERS, MAX_HISTORY = 1000, 100  # orders on a page
DEFAULT_HISTORY = 20


@order_api_blueprint.get("/api/orders")
def orders() -> Response:
    """List everybody's orders, oldest first: all of them, or ``limit`` after a given one."""
    if current_app.config["ORDERS_REQUIRE_ADMIN"] and not current_user().is_admin:
        raise Forbidden("Only for administrators")
    after = query_number("after", 0, MAX_INTEGER) or 0
    limit = query_number("limit", 1, MAX_ORDERS)
    return page_response(partial(read_orders, after), limit) if limit else stream_all(after)


@order_api_blueprint.post("/api/order/add-item")
@transaction
@idempotent
def add_item() -> dict[str, Any]:
    """Add a product to the caller's open order; open one if there is none."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    cart = Cart.lock(user.id) or Cart.create(user.id)
    cart.add_item(product_id, quantity)
    return {"result": cart.to_json()}


@order_api_blueprint.post("/api/order/update-item")
@transaction
@idempotent
def update_item() -> dict[str, Any]:
    """Set the quantity of a product in the caller's open order."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    cart = cart_of(user)
    cart.update_item(product_id, quantity)
    return {"result": cart.to_json()}


@order_api_blueprint.post("/api/order/remove-item")
@transaction
@idempotent
def remove_item() -> dict[str, Any]:
    """Remove a product from the caller's open order, which stays open even if it is empty."""
    user, product_id = current_user(), whole_number("product_id")
    cart = cart_of(user)
    cart.remove_item(product_id)
    return {"result": cart.to_json()}


@order_api_blueprint.get("/api/order")
def open_order() -> dict[str, Any]:
    """Show the caller's open order; 200 if there is none, too: the frontend's login needs it."""
    order = read_open_order(current_user().id)
    return {"result": order} if order else {"message": "No order found"}


@order_api_blueprint.get("/api/order/history")
def history() -> Response:
    """List the caller's closed orders, newest first."""
    user = current_user()
    before = query_number("after", 1, MAX_INTEGER) or MAX_INTEGER + 1
    limit = query_number("limit", 1, MAX_HISTORY) or DEFAULT_HISTORY
    return page_response(partial(read_closed_orders, user.id, before), limit)


@order_api_blueprint.post("/api/order/checkout")
@transaction
@idempotent
def checkout() -> dict[str, Any]:
    """Close the caller's open order, which must not be empty."""
    cart = cart_of(current_user())
    cart.checkout()
    return {"result": cart.to_json()}


def cart_of(user: User) -> Cart:
    """Return the user's open order, locked. Raises NotFound."""
    cart = Cart.lock(user.id)
    if cart is None:
        raise NotFound("No order found")
    return cart
