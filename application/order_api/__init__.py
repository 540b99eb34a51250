"""The HTTP API of orders."""

from flask import Blueprint, current_app
from werkzeug.wrappers import Response

from application.database.error_codes import RETRY_AFTER
from application.database.transactions import OutcomeUnknown
from application.refusals import Refusal
from application.serving.errors import error_response, unavailable

from . import fields
from .user_client import UserServiceUnavailable

UNKNOWN = (
    "The outcome is unknown: repeat the request with its Idempotency-Key, or look at the order"
)

order_api_blueprint = Blueprint("order_api", __name__, cli_group="keys")  # flask keys prune
order_api_blueprint.before_request(fields.read_body)


@order_api_blueprint.app_errorhandler(Refusal)
def refused(refusal: Refusal) -> Response:
    return error_response(refusal.status, str(refusal), refusal.retry_after)


@order_api_blueprint.app_errorhandler(UserServiceUnavailable)
def user_service_unavailable(error: UserServiceUnavailable) -> Response:
    current_app.logger.warning("user-service: %s", error)
    return error_response(503, "User service unavailable", RETRY_AFTER)


@order_api_blueprint.app_errorhandler(OutcomeUnknown)
def outcome_unknown(error: OutcomeUnknown) -> Response:
    return unavailable(error, UNKNOWN)


from . import routes  # noqa: E402, F401  (the routes need the blueprint)
