"""The answer to each error that a view of this API raises."""

from flask import Blueprint, current_app
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, NotFound
from werkzeug.wrappers import Response

from application.cart import ItemNotFound, OrderEmpty, QuantityTooLarge
from application.errors import error_response, unavailable
from application.failures import RETRY_AFTER

from .idempotency import RequestRunning
from .user_client import UserServiceUnavailable

STATUSES: dict[type[Exception], type[HTTPException]] = {
    QuantityTooLarge: BadRequest,
    ItemNotFound: NotFound,
    OrderEmpty: Conflict,
}


def init_blueprint(blueprint: Blueprint) -> None:
    """Register an answer for each exception that the blueprint's views may raise."""
    for refusal in STATUSES:
        blueprint.register_error_handler(refusal, refused)
    blueprint.register_error_handler(RequestRunning, request_running)
    blueprint.register_error_handler(UserServiceUnavailable, user_service_unavailable)


def refused(error: Exception) -> Response:
    return error_response(STATUSES[type(error)](str(error)))


def request_running(error: RequestRunning) -> Response:
    response = error_response(Conflict(str(error)))
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def user_service_unavailable(error: UserServiceUnavailable) -> Response:
    current_app.logger.warning("user-service: %s", error)
    return unavailable("User service unavailable")
