"""Metrics for Prometheus, exact over all of gunicorn's workers.

The HTTP requests are counted here; everything else is counted by the module that does it.
"""

import time

from flask import Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # any other is "other"

REQUESTS = Histogram(
    "http_request_duration_seconds",
    "Seconds from a request to the first byte of its answer.",
    ["route", "method", "status"],
)


def init_app(app: Flask) -> None:
    """Count the application's requests, and show all metrics at /metrics."""
    app.after_request(observe_request)
    app.add_url_rule("/metrics", view_func=metrics)


def observe_request(response: Response) -> Response:
    # Never use caller-supplied paths or methods as labels: each would be one more series.
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in METHODS else "other"
    seconds = time.perf_counter() - g.began  # set by logs.start_request
    REQUESTS.labels(route, method, response.status_code).observe(seconds)
    return response


def metrics() -> Response:
    """Show the metrics of this process, or of all gunicorn workers, including those that ended."""
    registry, folder = REGISTRY, current_app.config["PROMETHEUS_MULTIPROC_DIR"]
    if folder:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
