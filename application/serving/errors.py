"""Every error as JSON, ``{"message": "..."}``, without a word from a library or a driver."""

from flask import Flask, current_app, jsonify
from pymysql.constants import ER
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from application.database import error_codes

from .health import lacks_migration


def init_app(app: Flask) -> None:
    """Answer every error of the application in JSON."""
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(DBAPIError, database_error)
    app.register_error_handler(PoolTimeoutError, unavailable)  # no free connection
    app.register_error_handler(StaleDataError, unavailable)  # a conflict, retried for too long


def http_error(error: HTTPException) -> Response:
    """Return an error as an answer, with its headers, such as Allow and Retry-After."""
    response = error.get_response()
    own_words = error.description != type(error).description
    message = error.description if own_words else error.name.capitalize()
    response.data = jsonify(message=message).data
    response.content_type = "application/json"
    return response


def database_error(error: DBAPIError) -> Response:
    """Answer 503 for what passes; raise everything else, which is a 500 with its traceback."""
    number = error_codes.code(error.orig)
    if error_codes.passes(error):
        return unavailable(None if number in error_codes.READ_ONLY else error.orig)
    if number in error_codes.NO_SUCH_TABLE_OR_COLUMN and lacks_migration():
        return unavailable("it lacks a migration: run `flask db upgrade`")
    if number == ER.NO_SUCH_TABLE:  # while a dump is restored, which drops each table first
        return unavailable(error.orig)
    raise error


def unavailable(reason: object, message: str = "Database unavailable") -> Response:
    """Return 503; log the reason, unless it is None because the log has it already."""
    if reason is not None:
        current_app.logger.error("database: %s", reason)
    return error_response(503, message, error_codes.RETRY_AFTER)


def error_response(status: int, message: str, retry_after: int | None = None) -> Response:
    """Return an error as an answer; ``retry_after`` are seconds."""
    response = jsonify(message=message)
    response.status_code = status
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
