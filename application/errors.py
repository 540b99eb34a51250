"""Every error as JSON, ``{"message": "..."}``, without a word from a library or a driver."""

from flask import Flask, current_app, json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response

from .failures import NO_SUCH_TABLE_OR_COLUMN, READ_ONLY, RETRY_AFTER, code, passes
from .health import lacks_migration
from .transactions import OutcomeUnknown

UNKNOWN = (
    "The outcome is unknown: repeat the request with its Idempotency-Key, or look at the order"
)


def init_app(app: Flask) -> None:
    """Answer every error of the application in JSON."""
    app.register_error_handler(HTTPException, error_response)
    app.register_error_handler(DBAPIError, database_error)
    app.register_error_handler(PoolTimeoutError, database_unavailable)  # no free connection
    app.register_error_handler(OutcomeUnknown, outcome_unknown)


def error_response(error: HTTPException) -> Response:
    """Return an error as an answer, with its headers, such as Allow and Retry-After."""
    response = error.get_response()
    own_words = error.description != type(error).description
    message = error.description if own_words else error.name.capitalize()
    response.data = json.dumps({"message": message})
    response.content_type = "application/json"
    return response


def database_error(error: DBAPIError) -> Response:
    """Answer 503 for what passes; raise everything else, which is a 500 with its traceback."""
    number = code(error.orig)
    if number in READ_ONLY:  # logged once, when it turned so
        return unavailable("Database unavailable")
    if passes(error):
        return database_unavailable(error.orig)
    if number in NO_SUCH_TABLE_OR_COLUMN and lacks_migration():
        return database_unavailable("it lacks a migration: run `flask db upgrade`")
    raise error


def database_unavailable(reason: object) -> Response:
    current_app.logger.error("database: %s", reason)
    return unavailable("Database unavailable")


def outcome_unknown(error: OutcomeUnknown) -> Response:
    current_app.logger.error("database: %s", error)
    return unavailable(UNKNOWN)


def unavailable(message: str) -> Response:
    """Return 503 with Retry-After."""
    return error_response(ServiceUnavailable(message, retry_after=RETRY_AFTER))
