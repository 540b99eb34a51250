"""Every error as JSON, ``{"message": "..."}``, without a word from a library or a driver."""

from flask import Flask, current_app, json
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response

from .transactions import DatabaseUnavailable

RETRY_AFTER = 2  # seconds
DATABASE_ERRORS: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,  # no connection of the pool became free
    DatabaseUnavailable,
)


def init_app(app: Flask) -> None:
    """Answer every error of the application in JSON."""
    app.register_error_handler(HTTPException, error_response)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, database_unavailable)


def error_response(error: HTTPException) -> Response:
    """Return an error as an answer, with its headers, such as Allow and Retry-After."""
    response = error.get_response()
    own_words = error.description != type(error).description
    message = error.description if own_words else error.name.capitalize()
    response.data = json.dumps({"message": message})
    response.content_type = "application/json"
    return response


def database_unavailable(error: Exception) -> Response:
    current_app.logger.error("database: %s", getattr(error, "orig", error))
    return error_response(ServiceUnavailable("Database unavailable", retry_after=RETRY_AFTER))
