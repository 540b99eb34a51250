"""A line in the log for each request, and the id that ties together what belongs to it."""

import logging
import re
import secrets
import time
from collections.abc import Iterable
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask
from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
LINE = "%(method)s %(path)s %(status)s %(ms)s ms"
# What a caller's id may be. Without "$", so that it cannot be one of the course's API keys.
SAFE_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def init_app(app: Flask) -> None:
    """Give each request an id, which its answer returns, and a line in the log when it ends."""
    logging.setLogRecordFactory(Record)
    app.wsgi_app = RequestLog(app.wsgi_app, app.logger)  # type: ignore[method-assign]


class Record(logging.LogRecord):
    """A record with the id of the request during which it was made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (current := request_id.get()) is not None:
            self.request_id = current


class RequestLog:
    """WSGI middleware: faster than Flask's hooks, which find each request by a proxy."""

    def __init__(self, app: "WSGIApplication", logger: logging.Logger) -> None:
        self._app, self._logger = app, logger

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        theirs = environ.get("HTTP_X_REQUEST_ID", "")
        current = theirs if SAFE_ID.fullmatch(theirs) else secrets.token_hex(16)
        request_id.set(current)
        # The path without the query, where callers put secrets.
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        facts = {"method": environ["REQUEST_METHOD"], "path": path}

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            facts["status"] = int(status[:3])
            return start_response(status, [*headers, (HEADER, current)], *error)

        write = partial(write_line, self._logger, began, facts)
        return ClosingIterator(self._app(environ, start), write)


def write_line(logger: logging.Logger, began: float, facts: dict[str, Any]) -> None:
    facts["ms"] = round((time.perf_counter() - began) * 1000, 1)
    # Not by info(), which would look for the line of code that calls it.
    where = logger.name, logging.INFO, __file__, 0
    logger.handle(logger.makeRecord(*where, LINE, (facts,), None, extra=facts))
    request_id.set(None)  # the thread's next line may be about no request


def trace_headers(environ: "WSGIEnvironment") -> dict[str, str]:
    """Return the headers that let another service's log and traces refer to this request."""
    headers = {HEADER: request_id.get() or ""}
    traceparent = environ.get("HTTP_TRACEPARENT", "")
    if TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    return headers
