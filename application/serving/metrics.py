"""Metrics for Prometheus, exact over all of gunicorn's workers.

The HTTP requests are counted here; everything else is counted by the module that does it.
"""

from functools import cache
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app
from prometheus_client import CollectorRegistry, Histogram, exposition, registry
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # any other is "other"

REQUESTS = Histogram(
    "http_request_duration_seconds",
    "Seconds from a request to the first byte of its answer.",
    ["route", "method", "status"],
)
labelled = cache(REQUESTS.labels)


def init_app(app: Flask) -> None:
    """Show all metrics at /metrics."""
    app.add_url_rule("/metrics", view_func=metrics)


def metrics() -> Response:
    """Show the metrics of this process, or of all gunicorn workers, including those that ended."""
    source, folder = registry.REGISTRY, current_app.config["PROMETHEUS_MULTIPROC_DIR"]
    if folder:
        source = CollectorRegistry()
        MultiProcessCollector(source, folder)
    body = exposition.generate_latest(source)
    return Response(body, content_type=exposition.CONTENT_TYPE_LATEST)


def count(environ: "WSGIEnvironment", status: str, seconds: float) -> None:
    """Count a request."""
    # Never use caller-supplied paths or methods as labels: each would be one more series.
    rule = environ["werkzeug.request"].url_rule
    method = environ["REQUEST_METHOD"]
    route = rule.rule if rule else "none"
    labelled(route, method if method in METHODS else "other", status[:3]).observe(seconds)
