"""Conditional requests (RFC 9110, section 13): ``ETag``, ``If-Match`` and ``If-None-Match``."""

from hashlib import sha256
from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import PreconditionFailed

from application.models import Order


def order_response(order: dict[str, Any], version: int) -> Response:
    """Answer with an order and its ETag."""
    response = jsonify(result=order)
    # The digest tells two orders apart that have the same version, one of them in a database that
    # was restored. With its quotes, the tag fits idempotency_key.etag: 32 characters.
    digest = sha256(response.data).hexdigest()[:8]
    response.headers["ETag"] = f'"{order["id"]}-{version}-{digest}"'
    return response


def conditional_response(order: dict[str, Any], version: int) -> Response:
    """Answer a GET with an order, or with 304 if the caller has this version.

    Raises PreconditionFailed if the request has an If-Match without its ETag.
    """
    response = order_response(order, version)
    if _has_conditions() and _check(response):
        response.status_code = 304  # Werkzeug sends no body with it
    return response


def check_conditions(order: Order | None) -> None:
    """Check a POST's conditions against the open order, None if there is none.

    Raises PreconditionFailed if one of them does not hold.
    """
    if not _has_conditions():
        return
    if _check(order_response(order.to_json(), order.version) if order else None):
        raise PreconditionFailed("If-None-Match excludes the open order")


def _has_conditions() -> bool:
    headers = request.headers
    return "If-Match" in headers or "If-None-Match" in headers


def _check(shown: Response | None) -> bool:
    """Raise PreconditionFailed if If-Match lacks the tag; return whether If-None-Match has it."""
    tag = shown.get_etag()[0] if shown else None
    if "If-Match" in request.headers and (tag is None or tag not in request.if_match):
        raise PreconditionFailed("The order has changed")
    return tag is not None and request.if_none_match.contains_weak(tag)
