"""Requests through Flask's test client, and what their answers say."""

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

ADD, UPDATE, REMOVE, CLEAR, CHECKOUT = (
    f"/api/order/{name}" for name in ("add-item", "update-item", "remove-item", "clear", "checkout")
)
HISTORY = "/api/order/history"
DATABASE_UNAVAILABLE = {"message": "Database unavailable"}
OUTCOME_UNKNOWN = {
    "message": "The outcome is unknown: repeat the request with its Idempotency-Key,"
    " or look at the order"
}
READ_ONLY = {
    "message": "Not ready",
    "database": "read-only",
    "migrations": "unknown",
    "user_service": "ok",
}
USER_SERVICE_UNAVAILABLE = {"message": "User service unavailable"}


def add(client, login, product_id=5, quantity=1):
    body = {"product_id": product_id, "qty": quantity}
    return client.post(ADD, data=body, headers=login)


def update(client, login, product_id=5, quantity=1):
    body = {"product_id": product_id, "qty": quantity}
    return client.post(UPDATE, data=body, headers=login)


def remove(client, login, product_id=5):
    return client.post(REMOVE, data={"product_id": product_id}, headers=login)


def clear(client, login):
    return client.post(CLEAR, headers=login)


def checkout(client, login):
    return client.post(CHECKOUT, headers=login)


def show(client, login):
    return client.get("/api/order", headers=login)


def statuses(answers) -> Counter:
    return Counter(answer.status_code for answer in answers)


def quantities(client) -> list[list[int]]:
    """Return the quantities of all orders, a list for each order."""
    orders = client.get("/api/orders").json
    return [[item["quantity"] for item in order["items"]] for order in orders]


def linked_pages(client, url, **options):
    """Return the pages of a list: the URL's own, and those to which the Links lead."""
    pages = []
    while url:
        answer = client.get(url, **options)
        pages.append(answer.json)
        link = answer.headers.get("Link")
        url = link and urljoin(url, re.fullmatch('<(.+)>; rel="next"', link)[1])
    return pages


def is_written_as_all_json(text: str) -> bool:
    """Return whether it is compact JSON with a newline at its end."""
    return text == json.dumps(json.loads(text), separators=(",", ":")) + "\n"


def elsewhere(call, *arguments):
    """Let another thread send a request, which must succeed.

    Within an application context of the test's own, Flask would give the request its session.
    """
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(call, *arguments).result().status_code == 200
