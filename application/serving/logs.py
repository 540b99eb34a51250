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
from sqlalchemy import event
from werkzeug.datastructures import Headers
from werkzeug.wsgi import ClosingIterator

from application.database import db

from . import metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
LINE = "%(method)s %(path)s %(status)s %(ms)s ms, %(address)s"
BY_USER, SENT = ", user %(user_id)s", ", statements: %(statements)s"
SLOW = 1000  # milliseconds, of a request or of a statement
PROBES = {"/healthz", "/readyz", "/metrics"}
# What a caller's id may be. Without "$", so that it cannot be one of the course's API keys.
SAFE_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}")
ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,64}")  # not whatever else a header may have brought
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
# What the current request's line will say, and the id that all its lines have.
current: ContextVar[dict[str, Any] | None] = ContextVar("current", default=None)


class Record(logging.LogRecord):
    """A record with the id of the request during which it was made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (fields := current.get()) is not None:
            self.request_id = fields["request_id"]


def init_app(app: Flask) -> None:
    """Count each request, give it an id, which its answer returns, and log a line when it ends."""
    logging.setLogRecordFactory(Record)
    app.wsgi_app = RequestLog(app.wsgi_app, app.logger)  # type: ignore[method-assign]
    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "do_execute", _execute)


def add_to_line(**fields: object) -> None:
    """Add fields to the line of the current request, if there is one."""
    if (line := current.get()) is not None:
        line.update(fields)


class RequestLog:
    """WSGI middleware: it sees the end of a streamed answer, and costs less than Flask's hooks."""

    def __init__(self, app: "WSGIApplication", logger: logging.Logger) -> None:
        self._app, self._logger = app, logger

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if SAFE_ID.fullmatch(sent) else secrets.token_hex(16)
        address = environ.get("REMOTE_ADDR", "")
        # The path without the query, where callers put secrets.
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        fields = {
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "address": address if ADDRESS.fullmatch(address) else "-",
            "statements": 0,
            "request_id": request_id,
        }
        current.set(fields)

        def start_logged(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            fields["status"] = int(status[:3])
            metrics.count(environ, status, time.perf_counter() - began)
            return start_response(status, [*headers, (HEADER, request_id)], *error)

        end = partial(_log, self._logger, began, fields)
        return ClosingIterator(self._app(environ, start_logged), end)


def _log(logger: logging.Logger, began: float, fields: dict[str, Any]) -> None:
    quiet = fields["path"] in PROBES and fields["status"] < 400
    level = logging.DEBUG if quiet else logging.INFO
    if logger.isEnabledFor(level):
        fields["ms"] = _ms_since(began)
        text = LINE + (BY_USER if "user_id" in fields else "")
        text += SENT if fields["ms"] > SLOW else ""
        # Not by log(), which would look for the line of code that calls it.
        record = logger.makeRecord(logger.name, level, __file__, 0, text, (fields,), None)
        vars(record).update(fields)
        logger.handle(record)
    current.set(None)  # the thread's next line may be about no request


def _execute(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
    """Execute a statement, count it, and log it without its values if that takes long.

    SQLAlchemy's events before and after a statement would take 8 % of the instructions of a show.
    """
    if (fields := current.get()) is not None:
        fields["statements"] += 1
    began = time.perf_counter()
    try:
        cursor.execute(statement, parameters)
    finally:
        if (ms := _ms_since(began)) > SLOW:
            log.warning("Slow statement, %s ms: %s", ms, " ".join(statement.split()))
    return True


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def trace_headers(received: Headers) -> dict[str, str]:
    """Return the headers that let another service's log and traces refer to this request."""
    fields = current.get()
    headers = {HEADER: fields["request_id"]} if fields else {}
    traceparent = received.get("traceparent", "")
    if TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    return headers
