"""Lists of orders: a page with a link to the next one, or the whole list as a stream."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from flask import Response, json, jsonify, request, stream_with_context

Orders = list[dict[str, Any]]
Read = Callable[[int, int], Orders]  # takes after which id to begin, and how many orders at most
ORDERS_PER_QUERY = 200  # of a stream: few enough for the first byte to come at once


def page_response(read: Read, after: int, limit: int) -> Response:
    """Answer with ``limit`` orders, and a Link (RFC 8288) to the next ones if there are any."""
    orders = read(after, limit + 1)
    response = jsonify(orders[:limit])
    if len(orders) > limit:
        query = request.args.to_dict() | {"limit": limit, "after": orders[limit - 1]["id"]}
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


def _json(read: Read, orders: Orders) -> Iterator[str]:
    before = "["
    while orders:
        yield before + json.dumps(orders, separators=(",", ":"))[1:-1]
        before = ","
        orders = read(orders[-1]["id"], ORDERS_PER_QUERY)
    yield "]\n" if before == "," else "[]\n"
