"""The fields that a request brings: of its body, and of its query string."""

import codecs
import re
from collections.abc import Sequence
from hashlib import sha256
from json import JSONDecoder, JSONEncoder
from typing import Any
from urllib.parse import parse_qsl

from flask import g, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from application.models import MAX_INTEGER

NUMBERS = {"product_id", "qty"}  # fields in which 2 and "2" are the same value
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
# ASCII digits, as a form field or a JSON string has them; the length keeps int() cheap.
WHOLE_NUMBER = re.compile(r"\s*-?[0-9]{1,100}\s*")
BLANK = codecs.BOM_UTF8 + b" \t\r\n"  # what JSON may begin with
UNMARKED_JSON = "The body is JSON: send Content-Type: application/json"


class Repeated(list[Any]):
    """The values of a field that was sent more than once."""


def read_body() -> None:
    """Read the request's body, whatever is in it.

    Raises RequestEntityTooLarge above MAX_CONTENT_LENGTH, and BadRequest if it ends early.
    """
    try:
        length, body = request.content_length, request.get_data()
    except HTTPException:
        raise
    except Exception as error:  # of the server, which cannot read the chunks
        raise BadRequest("The body cannot be read") from error
    if length is None and body and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # chunked: Werkzeug cuts it off
    if length is not None and len(body) != length:
        # A cut-off ``qty=12`` reads as ``qty=1``; neither gunicorn nor Werkzeug notices each.
        raise BadRequest("The body ends early")


def read_fields() -> dict[str, Any]:
    """Return the fields of the request's body.

    Raises UnsupportedMediaType if it is neither a form nor JSON, and BadRequest if it is no JSON
    object.
    """
    body = request.get_data()
    if not body:
        return {}
    if request.mimetype == FORM:  # request.form does the same, but slower
        return _fields(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    if request.mimetype == MULTIPART:
        return _fields([*request.form.items(multi=True)])
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if not request.is_json or charset not in ("utf-8", "utf8"):
        kinds = f"{FORM}, {MULTIPART} or application/json"
        wrong = f"The body must be a form or JSON: {kinds}"
        raise UnsupportedMediaType(UNMARKED_JSON if _is_unmarked_json() else wrong)
    try:
        fields = DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
        raise BadRequest("The body must be valid JSON") from None
    if not isinstance(fields, dict):
        raise BadRequest("The body must be a JSON object")
    return fields


def _is_unmarked_json() -> bool:
    return request.get_data().lstrip(BLANK).startswith((b"{", b"[")) and not request.is_json


def _fields(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return each field's value; of a field that is sent twice, ``Repeated``."""
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    lists = MultiDict(pairs).lists()
    return {field: Repeated(sent) if len(sent) > 1 else sent[0] for field, sent in lists}


# Made once: json.loads() and json.dumps() with options make a new one in each call.
DECODER, ENCODER = JSONDecoder(object_pairs_hook=_fields), JSONEncoder(sort_keys=True)


def whole_number(field: str) -> int:
    """Return a field of the form or JSON body, from 1 to 2147483647. Raises BadRequest."""
    value = g.fields.get(field)
    if value is None or value == "":
        raise BadRequest(UNMARKED_JSON if _is_unmarked_json() else f"{field} is required")
    return _in_range(field, value, 1, MAX_INTEGER)


def query_number(field: str, low: int, high: int) -> int | None:
    """Return a parameter of the query string, None if it is absent. Raises BadRequest."""
    value = _fields([*request.args.items(multi=True)]).get(field)
    return None if value is None else _in_range(field, value, low, high)


def _in_range(field: str, value: object, low: int, high: int) -> int:
    if isinstance(value, Repeated):
        raise BadRequest(f"{field} was sent twice")
    value = _as_integer(value)
    # Not isinstance: a bool is an int, too.
    if type(value) is not int or not low <= value <= high:
        raise BadRequest(f"{field} must be a whole number from {low} to {high}")
    return value


def _as_integer(value: object) -> object:
    """Return the integer that a value stands for, or the value itself if it is no integer."""
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(value.strip())  # int() itself takes fewer characters for white space
    if isinstance(value, float) and value.is_integer():  # of JSON, to which 2.0 is an integer
        return int(value)
    return value


def digest() -> str:
    """Return a digest of a POST, by its path and the values of its fields.

    Raises BadRequest if the JSON has too many nested brackets.
    """
    fields = g.get("fields", {})
    try:
        numbers = {field: _as_integer(fields[field]) for field in NUMBERS & fields.keys()}
        values = ENCODER.encode(fields | numbers)
    except RecursionError:
        raise BadRequest("The body must be valid JSON") from None
    return sha256(f"{request.path}\n{values}".encode()).hexdigest()
