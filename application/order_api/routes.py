"""The routes: what happens, in the order in which it happens."""

from functools import partial

from flask import current_app
from werkzeug.exceptions import Forbidden, NotFound

from application.database import transaction
from application.models import MAX_INTEGER, Order

from . import order_api_blueprint
from .idempotency import idempotent
from .listing import page, whole_list
from .request import current_user, query_number, whole_number
from .user_client import User

MAX_PAGE, MAX_HISTORY = 1000, 100  # orders
USUAL_HISTORY = 20


@order_api_blueprint.get("/api/orders")
def orders():
    """List everybody's orders, oldest first: all of them, or ``limit`` of those after one."""
    if current_app.config["ORDERS_REQUIRE_ADMIN"] and not current_user().is_admin:
        raise Forbidden("Only for administrators")
    after = query_number("after", 0, MAX_INTEGER) or 0
    limit = query_number("limit", 1, MAX_PAGE)
    return page(partial(Order.show_page, after), limit) if limit else whole_list(after)


@order_api_blueprint.post("/api/order/add-item")
@transaction
@idempotent
def add_item():
    """Add a product to the caller's open order, opening one if there is none."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    order = Order.lock_open_for(user.id) or Order.create(user.id)
    order.add_item(product_id, quantity)
    return {"result": order.to_json()}


@order_api_blueprint.post("/api/order/update-item")
@transaction
@idempotent
def update_item():
    """Set the quantity of a product in the caller's open order."""
    user = current_user()
    product_id, quantity = whole_number("product_id"), whole_number("qty")
    order = open_order_of(user)
    order.update_item(product_id, quantity)
    return {"result": order.to_json()}


@order_api_blueprint.post("/api/order/remove-item")
@transaction
@idempotent
def remove_item():
    """Remove a product from the caller's open order, which stays, be it empty."""
    user, product_id = current_user(), whole_number("product_id")
    order = open_order_of(user)
    order.remove_item(product_id)
    return {"result": order.to_json()}


@order_api_blueprint.get("/api/order")
def open_order():
    """Show the caller's open order; 200 without one too, on which the frontend's login depends."""
    order = Order.show_open(current_user().id)
    return {"result": order} if order else {"message": "No order found"}


@order_api_blueprint.get("/api/order/history")
def history():
    """List the caller's checked-out orders, newest first."""
    user = current_user()
    before = query_number("after", 1, MAX_INTEGER) or MAX_INTEGER + 1
    limit = query_number("limit", 1, MAX_HISTORY) or USUAL_HISTORY
    return page(partial(Order.show_closed, user.id, before), limit)


@order_api_blueprint.post("/api/order/checkout")
@transaction
@idempotent
def checkout():
    """Close the caller's open order, which must not be empty."""
    order = open_order_of(current_user())
    order.checkout()
    return {"result": order.to_json()}


def open_order_of(user: User) -> Order:
    """Return the user's open order, locked; raises NotFound."""
    order = Order.lock_open_for(user.id)
    if order is None:
        raise NotFound("No order found")
    return order
