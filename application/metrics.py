"""Metrics for Prometheus, exact over all of gunicorn's workers.

The HTTP requests are counted here; everything else is counted by the module that does it.
"""

import time
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # any other is "other"

REQUESTS = Histogram(
    "http_request_duration_seconds",
    "Seconds from a request to the first byte of its answer.",
    ["route", "method", "status"],
)
series = cache(REQUESTS.labels)


def init_app(app: Flask) -> None:
    """Count the application's requests, and show all metrics at /metrics."""
    app.wsgi_app = RequestMetrics(app.wsgi_app)  # type: ignore[method-assign]
    app.add_url_rule("/metrics", view_func=metrics)


class RequestMetrics:
    """WSGI middleware that counts requests."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            # Never use caller-supplied paths or methods as labels: each would be one more series.
            rule = environ["werkzeug.request"].url_rule
            method = environ["REQUEST_METHOD"]
            labels = rule.rule if rule else "none", method if method in METHODS else "other"
            series(*labels, status[:3]).observe(time.perf_counter() - began)
            return start_response(status, headers, *error)

        return self._app(environ, start)


def metrics() -> Response:
    """Show the metrics of this process, or of all gunicorn workers, including those that ended."""
    registry, folder = REGISTRY, current_app.config["PROMETHEUS_MULTIPROC_DIR"]
    if folder:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
