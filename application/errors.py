"""Every error as JSON: ``{"message": "..."}``, and never a word of a library or a driver."""

from flask import Flask, current_app, json
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, NotFound, ServiceUnavailable

from .database import DatabaseUnavailable
from .models import ItemNotFound, OrderEmpty, QuantityTooLarge
from .order_api.idempotency import RequestRunning
from .order_api.user_client import UserServiceUnavailable

RETRY_AFTER = 2  # seconds
REFUSALS = {QuantityTooLarge: BadRequest, ItemNotFound: NotFound, OrderEmpty: Conflict}
DATABASE_ERRORS = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,  # no connection of the pool came free
    DatabaseUnavailable,
)


def init_app(app: Flask) -> None:
    """Answer every error of the application in JSON."""
    app.register_error_handler(HTTPException, in_json)
    app.register_error_handler(RequestRunning, request_running)
    app.register_error_handler(UserServiceUnavailable, user_service_unavailable)
    for error in REFUSALS:
        app.register_error_handler(error, refused)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, database_unavailable)


def in_json(error: HTTPException):
    response = error.get_response()  # keeps headers such as Allow and Retry-After
    own_words = error.description != type(error).description
    message = error.description if own_words else error.name.capitalize()
    response.data = json.dumps({"message": message})
    response.content_type = "application/json"
    return response


def refused(error: Exception):
    return in_json(REFUSALS[type(error)](str(error)))


def request_running(error: RequestRunning):
    response = in_json(Conflict(str(error)))
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def user_service_unavailable(error: UserServiceUnavailable):
    current_app.logger.warning("user-service: %s", error)
    return in_json(ServiceUnavailable("User service unavailable", retry_after=RETRY_AFTER))


def database_unavailable(error: Exception):
    current_app.logger.error("database: %s", getattr(error, "orig", error))
    return in_json(ServiceUnavailable("Database unavailable", retry_after=RETRY_AFTER))
