"""Each request's line in the log, its count, and the id that ties together what belongs to it."""

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
from werkzeug.datastructures import Headers
from werkzeug.wsgi import ClosingIterator

from . import metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
LINE = "%(method)s %(path)s %(status)s %(ms)s ms"
PROBES = {"/healthz", "/readyz", "/metrics"}
# What a caller's id may be. Without "$", so that it cannot be one of the course's API keys.
SAFE_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class Record(logging.LogRecord):
    """A record with the id of the request during which it was made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (current := request_id.get()) is not None:
            self.request_id = current


def init_app(app: Flask) -> None:
    """Count each request, give it an id, which its answer returns, and log a line when it ends."""
    logging.setLogRecordFactory(Record)
    app.wsgi_app = RequestLog(app.wsgi_app, app.logger)  # type: ignore[method-assign]


class RequestLog:
    """WSGI middleware: it sees the end of a streamed answer, and costs less than Flask's hooks."""

    def __init__(self, app: "WSGIApplication", logger: logging.Logger) -> None:
        self._app, self._logger = app, logger

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        current = sent if SAFE_ID.fullmatch(sent) else secrets.token_hex(16)
        request_id.set(current)
        # The path without the query, where callers put secrets.
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        fields = {"method": environ["REQUEST_METHOD"], "path": path}

        def start_logged(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            fields["status"] = int(status[:3])
            metrics.count(environ, status, time.perf_counter() - began)
            return start_response(status, [*headers, (HEADER, current)], *error)

        end = partial(_log, self._logger, began, fields)
        return ClosingIterator(self._app(environ, start_logged), end)


def _log(logger: logging.Logger, began: float, fields: dict[str, Any]) -> None:
    quiet = fields["path"] in PROBES and fields["status"] < 400
    level = logging.DEBUG if quiet else logging.INFO
    if logger.isEnabledFor(level):
        fields["ms"] = round((time.perf_counter() - began) * 1000, 1)
        # Not by log(), which would look for the line of code that calls it.
        where = logger.name, level, __file__, 0
        logger.handle(logger.makeRecord(*where, LINE, (fields,), None, extra=fields))
    request_id.set(None)  # the thread's next line may be about no request


def trace_headers(received: Headers) -> dict[str, str]:
    """Return the headers that let another service's log and traces refer to this request."""
    headers = {HEADER: request_id.get() or ""}
    traceparent = received.get("traceparent", "")
    if TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    return headers
