"""The HTTP API of orders."""

from flask import Blueprint

from . import errors, fields

order_api_blueprint = Blueprint("order_api", __name__)
order_api_blueprint.before_request(fields.read_body)
errors.init_blueprint(order_api_blueprint)

from . import routes  # noqa: E402, F401  (the routes need the blueprint)
