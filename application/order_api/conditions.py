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
    tag, environ = etag(order["id"], version), request.environ
    _check_if_match(tag, environ)
    response = order_response(order, version)
    if _in_if_none_match(tag, environ):
        response.status_code = 304  # Werkzeug sends no body with it
    return response


def check_conditions(tag: str | None) -> None:
    """Check a POST's conditions against the open order's ETag, None if there is no order.

    Raises PreconditionFailed if one of them does not hold.
    """
    environ = request.environ
    _check_if_match(tag, environ)
    if tag is not None and _in_if_none_match(tag, environ):
        raise PreconditionFailed("If-None-Match excludes the open order")


def _check_if_match(tag: str | None, environ: dict[str, Any]) -> None:
    if "HTTP_IF_MATCH" in environ and (tag is None or tag not in request.if_match):
        raise PreconditionFailed("The order has changed")


def _in_if_none_match(tag: str, environ: dict[str, Any]) -> bool:
    return "HTTP_IF_NONE_MATCH" in environ and request.if_none_match.contains_weak(tag)


def etag(order_id: int, version: int) -> str:
    return f"{order_id}-{version}"
