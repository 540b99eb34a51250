"""Conditional requests (RFC 9110, section 13): ``ETag``, ``If-Match`` and ``If-None-Match``."""

from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import PreconditionFailed


def order_response(order: dict[str, Any], version: int) -> Response:
    """Answer with an order and its ETag; with 304 if a GET has this ETag in If-None-Match."""
    response = jsonify(result=order)
    tag = etag(order["id"], version)
    response.set_etag(tag)
    if request.method != "POST" and request.if_none_match.contains_weak(tag):
        response.status_code = 304  # Werkzeug sends no body with it
    return response


def check_conditions(tag: str | None) -> None:
    """Let a request go on if its conditions hold for the open order's ETag, None without an order.

    Raises PreconditionFailed.
    """
    if "If-Match" in request.headers and (tag is None or tag not in request.if_match):
        raise PreconditionFailed("The order has changed")
    if tag is not None and request.if_none_match.contains_weak(tag):
        raise PreconditionFailed("If-None-Match excludes the open order")


def etag(order_id: int, version: int) -> str:
    return f"{order_id}-{version}"
