"""Lists of orders: a page with a link to the next one, or the whole list as a stream."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, json, jsonify, request, stream_with_context

from application.orders import read_orders

ORDERS_PER_QUERY = 200  # of a stream: few enough for the first byte to come at once


def page_response(read: Callable[[int], list[dict[str, Any]]], limit: int) -> Response:
    """Answer with ``limit`` orders, and with a Link (RFC 8288) to the next ones if there are any.

    ``read`` returns orders; it takes how many at most.
    """
    orders = read(limit + 1)
    response = jsonify(orders[:limit])
    if len(orders) > limit:
        target = f"{request.path}?limit={limit}&after={orders[limit - 1]['id']}"
        response.headers["Link"] = f'<{target}>; rel="next"'
    return response


def stream_all(after: int) -> Response:
    """Answer with all orders with ids above ``after``.

    If it fails midway, the JSON is truncated and the body has no end, so no client can take it for
    complete. Each query is on its own: a slow caller keeps no connection to the database.
    """
    first = read_orders(after, ORDERS_PER_QUERY)  # a failure here has a status of its own
    return Response(stream_with_context(_json(first)), mimetype="application/json")


def _json(orders: list[dict[str, Any]]) -> Iterator[str]:
    before = "["
    while orders:
        yield before + json.dumps(orders, separators=(",", ":"))[1:-1]
        before = ","
        orders = read_orders(orders[-1]["id"], ORDERS_PER_QUERY)
    yield "]\n" if before == "," else "[]\n"
