"""The fields that a request brings: of its body, and of its query string."""

import re
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from application.models import MAX_INTEGER

# ASCII digits, as a form field or a JSON string has them; the length keeps int() cheap.
WHOLE_NUMBER = re.compile(r" *-?[0-9]{1,100} *")


def read_body() -> None:
    """Reject truncated bodies: a cut-off ``qty=12`` reads as ``qty=1``.

    Neither gunicorn nor Werkzeug does so in every case. Raises BadRequest if the body ends early,
    RequestEntityTooLarge above MAX_CONTENT_LENGTH.
    """
    try:
        length, body = request.content_length, request.get_data()
    except HTTPException:
        raise
    except Exception as error:  # of the server, which cannot read the chunks
        raise BadRequest("The body cannot be read") from error
    if length is None and len(body) == request.max_content_length:  # chunked: Werkzeug cuts it off
        raise RequestEntityTooLarge
    if length is not None and len(body) != length:
        raise BadRequest("The body ends early")


def whole_number(field: str) -> int:
    """Return a field of the form or JSON body, from 1 to 2147483647. Raises BadRequest."""
    value = _body().get(field)
    if value is None or value == "":
        raise BadRequest(f"{field} is required")
    return _in_range(field, value, 1, MAX_INTEGER)


def query_number(field: str, low: int, high: int) -> int | None:
    """Return a parameter of the query string, None if it is absent. Raises BadRequest."""
    value = _single_values(request.args).get(field)
    return None if value is None else _in_range(field, value, low, high)


def _in_range(field: str, value: object, low: int, high: int) -> int:
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        value = int(value)
    # Not isinstance: a bool is an int, too.
    if type(value) is not int or not low <= value <= high:
        raise BadRequest(f"{field} must be a whole number from {low} to {high}")
    return value


def _body() -> dict[str, Any]:
    if not request.is_json:
        return _single_values(request.form)
    try:
        body = request.get_json()
    except (BadRequest, RecursionError):  # RecursionError: thousands of nested brackets
        raise BadRequest("The body must be valid JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object")
    return body


def _single_values(fields: MultiDict[str, str]) -> dict[str, str | list[str]]:
    """Return each field's value; a field that is sent twice has a list, which is no number."""
    return {
        field: values[0] if len(values) == 1 else values
        for field, values in fields.to_dict(flat=False).items()
    }
