"""The four routes: what happens, in the order in which it happens."""

from flask import current_app
from werkzeug.exceptions import Forbidden, NotFound

from application.database import retried, transaction
from application.models import Order

from . import order_api_blueprint
from .idempotency import idempotent
from .request import current_user, whole_number


@order_api_blueprint.get("/api/orders")
@retried
def orders():
    """List everybody's orders, oldest first."""
    if current_app.config["ORDERS_REQUIRE_ADMIN"] and not current_user().is_admin:
        raise Forbidden("Only for administrators")
    return [order.to_json() for order in Order.all()]


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


@order_api_blueprint.get("/api/order")
@retried
def open_order():
    """Show the caller's open order; 200 without one too, on which the frontend's login depends."""
    order = Order.open_for(current_user().id)
    return {"result": order.to_json()} if order else {"message": "No order found"}


@order_api_blueprint.post("/api/order/checkout")
@transaction
@idempotent
def checkout():
    """Close the caller's open order."""
    order = Order.lock_open_for(current_user().id)
    if order is None:
        raise NotFound("No order found")
    order.checkout()
    return {"result": order.to_json()}
