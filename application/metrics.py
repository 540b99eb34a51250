"""What is counted, for Prometheus: exactly, whatever the number of gunicorn's workers."""

import time

from flask import Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
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
USER_SERVICE_CALLS = Histogram(
    "user_service_call_duration_seconds",
    "Seconds of a call of user-service; its outcome is a user, unknown (of a key) or unavailable.",
    ["outcome"],
)
USER_CACHE_HITS = Counter("user_cache_hits", "API keys whose user was remembered.")
ORDERS_OPENED = Counter("orders_opened", "Orders opened by their first item.")
ITEMS_ADDED = Counter("items_added", "Items added to an order, whatever their quantity.")
ORDERS_CHECKED_OUT = Counter("orders_checked_out", "Orders checked out.")
RETRIES = Counter("transaction_retries", "Transactions and queries that were tried again.")


def init_app(app: Flask) -> None:
    """Count the application's requests, and show all counts at /metrics."""
    app.after_request(count)
    app.add_url_rule("/metrics", view_func=show, endpoint="metrics")


def count(response: Response) -> Response:
    # No path and no method of a caller's invention: each would be one more series.
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in METHODS else "other"
    seconds = time.perf_counter() - g.began  # set by logs.begin
    REQUESTS.labels(route, method, response.status_code).observe(seconds)
    return response


def show() -> Response:
    """Show the counts of this process, or of all of gunicorn's workers, ended ones included."""
    registry, folder = REGISTRY, current_app.config["PROMETHEUS_MULTIPROC_DIR"]
    if folder:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
