"""What a request says: who calls, and which whole numbers it brings."""

import re

from flask import current_app, g, request
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, Unauthorized

from application.logs import trace_headers
from application.models import MAX_INTEGER

from . import order_api_blueprint
from .user_client import User

# ASCII digits, as a form field or JSON string has them; the length keeps int() cheap.
WHOLE_NUMBER = re.compile(r" *-?[0-9]{1,100} *")


@order_api_blueprint.before_request
def read_body() -> None:
    """Read the body whole, before it is believed: what is left of ``qty=12`` may be ``qty=1``.

    Raises BadRequest where it ends early, RequestEntityTooLarge above MAX_CONTENT_LENGTH; neither
    gunicorn nor Werkzeug does so in every case.
    """
    try:
        length, body = request.content_length, request.get_data()
    except ParseException as error:  # chunks that are none
        raise BadRequest("The body cannot be read") from error
    if length is None and len(body) == request.max_content_length:  # chunked: the rest is cut off
        raise RequestEntityTooLarge
    if length is not None and len(body) != length:
        raise BadRequest("The body ends early")


def current_user() -> User:
    """Return the caller; asks user-service once a request, however often the view is tried.

    Raises Unauthorized, or UserServiceUnavailable.
    """
    if "user" not in g:
        api_key = request.headers.get("Authorization", "")
        g.user = current_app.extensions["user_client"].get_user(api_key, trace_headers())
    if not g.user:
        raise Unauthorized("Not logged in")
    return g.user


def whole_number(field: str) -> int:
    """Return a field of the form or JSON body, from 1 to 2147483647; raises BadRequest."""
    value = _body().get(field)
    if value is None or value == "":
        raise BadRequest(f"{field} is required")
    return _whole_number(field, value, 1, MAX_INTEGER)


def query_number(field: str, low: int, high: int) -> int | None:
    """Return a parameter of the URL, None where it is absent; raises BadRequest."""
    value = _single_values(request.args).get(field)
    return None if value is None else _whole_number(field, value, low, high)


def _whole_number(field: str, value: object, low: int, high: int) -> int:
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        value = int(value)
    if type(value) is not int or not low <= value <= high:  # bool is an int, too
        raise BadRequest(f"{field} must be a whole number from {low} to {high}")
    return value


def _body() -> dict:
    if not request.is_json:
        return _single_values(request.form)
    try:
        body = request.get_json()
    except (BadRequest, RecursionError):  # RecursionError: brackets nested by the thousand
        raise BadRequest("The body must be valid JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object")
    return body


def _single_values(fields: MultiDict) -> dict:
    """Return each field's value, and a list, which is no number, for one that comes twice."""
    return {
        field: values[0] if len(values) == 1 else values
        for field, values in fields.to_dict(flat=False).items()
    }
