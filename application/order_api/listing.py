"""Lists of orders: a page, or the whole, which streams page by page."""

from collections.abc import Callable, Iterator

from flask import Response, json, jsonify, request, stream_with_context

from application.models import Order

STREAMED = 200  # orders at a time: few enough for a first byte at once


def page(show: Callable[[int], list[dict]], limit: int) -> Response:
    """Answer with ``limit`` orders, and a Link (RFC 8288) to the next ones where there are any.

    ``show`` takes how many orders to return at most.
    """
    orders = show(limit + 1)
    response = jsonify(orders[:limit])
    if len(orders) > limit:
        target = f"{request.path}?limit={limit}&after={orders[limit - 1]['id']}"
        response.headers["Link"] = f'<{target}>; rel="next"'
    return response


def whole_list(after: int) -> Response:
    """Answer with all orders; without the last bracket, and no end of the body, where one fails.

    Each page is a query of its own: no connection is kept for a slow caller, and a connection that
    is lost is not the end.
    """
    first = Order.show_page(after, STREAMED)  # what fails here has its own status
    return Response(stream_with_context(_json(first)), mimetype="application/json")


def _json(orders: list[dict]) -> Iterator[str]:
    before = "["
    while orders:
        yield before + json.dumps(orders, separators=(",", ":"))[1:-1]
        before = ","
        orders = Order.show_page(orders[-1]["id"], STREAMED)
    yield "]\n" if before == "," else "[]\n"
