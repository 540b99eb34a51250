"""A line in the log for each request, and the id that ties together what belongs to it."""

import logging
import re
import time
import uuid
from functools import partial
from urllib.parse import quote

from flask import Flask, Response, current_app, g, has_request_context, request

REQUEST_ID = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}")  # of a caller's id; the course's API keys hold "$"
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context


def init_app(app: Flask) -> None:
    """Give each request an id, which its answer returns, and a line once that has gone out."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    g.began = time.perf_counter()
    theirs = request.headers.get(REQUEST_ID, "")
    g.request_id = theirs if SANE.fullmatch(theirs) else str(uuid.uuid4())


def end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    fields = {
        "method": request.method,
        "path": quote(request.path),  # no query: callers put secrets there
        "status": response.status_code,
        "request_id": g.request_id,
    }
    response.call_on_close(partial(write, current_app.logger, g.began, fields))
    return response


def write(logger: logging.Logger, began: float, fields: dict) -> None:
    fields["ms"] = round((time.perf_counter() - began) * 1000, 1)
    logger.info("%(method)s %(path)s %(status)s %(ms)s ms", fields, extra=fields)


def trace_headers() -> dict[str, str]:
    """Return the headers that tie what another service does to this request."""
    headers = {REQUEST_ID: g.request_id}
    traceparent = request.headers.get("traceparent", "")
    if TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    return headers


class RequestId(logging.Filter):
    """Gives each record the id of the request during which it was made."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context() and "request_id" in g:
            record.request_id = g.request_id
        return True
