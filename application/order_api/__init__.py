"""The HTTP API of orders."""

from flask import Blueprint

order_api_blueprint = Blueprint("order_api", __name__)

from . import routes  # noqa: E402, F401  (the routes need the blueprint)
