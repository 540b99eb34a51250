"""A line in the log for each request, and the id that ties together what belongs to it."""

import logging
import re
import time
import uuid
from contextvars import ContextVar
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, request

HEADER = "X-Request-ID"
# What a caller's id may be. Without "$", so that it cannot be one of the course's API keys.
SAFE_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def init_app(app: Flask) -> None:
    """Give each request an id, which its answer returns, and a line in the log when it ends."""
    logging.setLogRecordFactory(Record)
    app.before_request(start_request)
    app.after_request(finish_request)


class Record(logging.LogRecord):
    """A record with the id of the request during which it was made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (current := request_id.get()) is not None:
            self.request_id = current


def start_request() -> None:
    g.began = time.perf_counter()
    # The environ is faster than request.headers, above all if a request has no such header.
    theirs = request.environ.get("HTTP_X_REQUEST_ID", "")
    request_id.set(theirs if SAFE_ID.fullmatch(theirs) else str(uuid.uuid4()))


def finish_request(response: Response) -> Response:
    response.headers[HEADER] = request_id.get() or ""
    facts = {
        "method": request.method,
        "path": quote(request.path),  # without the query, where callers put secrets
        "status": response.status_code,
    }
    response.call_on_close(partial(write_line, current_app.logger, g.began, facts))
    return response


def write_line(logger: logging.Logger, began: float, facts: dict[str, Any]) -> None:
    facts["ms"] = round((time.perf_counter() - began) * 1000, 1)
    logger.info("%(method)s %(path)s %(status)s %(ms)s ms", facts, extra=facts)
    request_id.set(None)  # the thread's next line may be about no request


def trace_headers() -> dict[str, str]:
    """Return the headers that let another service's log and traces refer to this request."""
    headers = {HEADER: request_id.get() or ""}
    traceparent = request.headers.get("traceparent", "")
    if TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    return headers
