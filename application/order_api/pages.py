"""Lists of orders: a page with a link to the next one, or the whole list as a stream."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from flask import Response, json, jsonify, request, stream_with_context

from application.orders import Page

Read = Callable[[int, int], Page]  # takes after which id to begin, and how many orders at most
ORDERS_PER_QUERY = 200  # of a stream: few enough for the first byte to come at once


def page_response(read: Read, after: int, limit: int) -> Response:
    """Answer with ``limit`` orders at most, and a Link (RFC 8288) to the next ones, if any."""
    orders, more = read(after, limit)
    response = jsonify(orders)
    if more:
        query = request.args.to_dict() | {"limit": limit, "after": orders[-1]["id"]}
        # Relative: a proxy may serve this path below a prefix.
        response.headers["Link"] = f'<?{urlencode(query)}>; rel="next"'
    return response


def stream_all(read: Read, after: int) -> Response:
    """Answer with all orders after ``after``.

    If it fails midway, the JSON is truncated and the body has no end, so no client can take it for
    complete. Each query is on its own: a slow caller keeps no connection to the database.
    """
    first = read(after, ORDERS_PER_QUERY)  # a failure here has a status of its own
    return Response(stream_with_context(_json(read, first)), mimetype="application/json")


def _json(read: Read, page: Page) -> Iterator[str]:
    orders, more = page
    yield "[" + _lines(orders)
    while more:
        orders, more = read(orders[-1]["id"], ORDERS_PER_QUERY)
        yield f",{_lines(orders)}" if orders else ""
    yield "]\n"


def _lines(orders: list[dict[str, Any]]) -> str:
    return json.dumps(orders, separators=(",", ":"))[1:-1]
