"""The model's requests as HTTP requests, and HTTP answers as the model's."""

from tests.support.api import ADD, CHECKOUT, CLEAR, REMOVE, UPDATE
from tests.support.cart_model import Answer

PATHS = {"add": ADD, "update": UPDATE, "remove": REMOVE, "clear": CLEAR, "checkout": CHECKOUT}
CONDITIONS = {"if_match": "If-Match", "if_none_match": "If-None-Match"}


def to_http(name, *arguments) -> tuple[str, str, dict | None, dict]:
    """Return a request's method, path, fields and headers."""
    if name in CONDITIONS:
        etags, *request = arguments
        method, path, fields, headers = to_http(*request)
        return method, path, fields, headers | {CONDITIONS[name]: ", ".join(etags)}
    if name == "show":
        return "GET", "/api/order", None, {}
    if name == "show_by_id":
        return "GET", f"/api/order/{arguments[0]}", None, {}
    return "POST", PATHS[name], dict(zip(("product_id", "qty"), arguments, strict=False)), {}


def to_answer(status: int, headers, body: dict | None) -> Answer:
    """Return what an answer tells; ``body`` is its JSON, None if it has no body."""
    order = (body or {}).get("result")
    return Answer(status, order and as_shown(order), headers.get("ETag"))


def as_shown(order: dict) -> tuple[int, bool, list[tuple[int, int]]]:
    """Return what the model knows of an order that an answer shows."""
    lines = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return order["id"], order["is_open"], lines
