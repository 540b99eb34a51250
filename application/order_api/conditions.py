"""Conditional requests (RFC 9110, section 13): ``ETag``, ``If-Match`` and ``If-None-Match``."""

from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import PreconditionFailed


def order_response(order: dict[str, Any], version: int) -> Response:
    """Answer with an order and its ETag; a GET also with 304, if the caller has this version.

    Raises PreconditionFailed if a GET has an If-Match without this ETag.
    """
    response = jsonify(result=order)
    tag = etag(order["id"], version)
    response.set_etag(tag)
    if request.method != "POST":  # whose conditions are about the order before its change
        _check_if_match(tag)
        if request.if_none_match.contains_weak(tag):
            response.status_code = 304  # Werkzeug sends no body with it
    return response


def check_conditions(tag: str | None) -> None:
    """Check a POST's conditions against the open order's ETag, None if there is no order.

    Raises PreconditionFailed if one of them does not hold.
    """
    _check_if_match(tag)
    if tag is not None and request.if_none_match.contains_weak(tag):
        raise PreconditionFailed("If-None-Match excludes the open order")


def _check_if_match(tag: str | None) -> None:
    if "If-Match" in request.headers and (tag is None or tag not in request.if_match):
        raise PreconditionFailed("The order has changed")


def etag(order_id: int, version: int) -> str:
    return f"{order_id}-{version}"
