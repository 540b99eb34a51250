"""Conditional requests (RFC 9110, section 13): ``ETag``, ``If-Match`` and ``If-None-Match``."""

from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import PreconditionFailed


def order_response(order: dict[str, Any], version: int) -> Response:
    """Answer with an order and its ETag."""
    response = jsonify(result=order)
    response.headers["ETag"] = f'"{etag(order["id"], version)}"'
    return response


def conditional_response(order: dict[str, Any], version: int) -> Response:
    """Answer a GET with an order, or with 304 if the caller has this version.

    Raises PreconditionFailed if the request has an If-Match without its ETag.
    """
    unchanged = _check(etag(order["id"], version))
    response = order_response(order, version)
    if unchanged:
        response.status_code = 304  # Werkzeug sends no body with it
    return response


def check_conditions(tag: str | None) -> None:
    """Check a POST's conditions against the open order's ETag, None if there is no order.

    Raises PreconditionFailed if one of them does not hold.
    """
    if _check(tag):
        raise PreconditionFailed("If-None-Match excludes the open order")


def _check(tag: str | None) -> bool:
    """Raise PreconditionFailed if If-Match lacks the tag; return whether If-None-Match has it."""
    headers = request.headers
    if "If-Match" in headers and (tag is None or tag not in request.if_match):
        raise PreconditionFailed("The order has changed")
    if tag is None or "If-None-Match" not in headers:
        return False
    return request.if_none_match.contains_weak(tag)


def etag(order_id: int, version: int) -> str:
    return f"{order_id}-{version}"
