"""The API's description: complete, and with examples that are real answers."""

import json
import re

import pytest
from flask_migrate import upgrade

from application import docs
from demo.user_service import DEMO_KEY
from tests.support.api import ADD, CHECKOUT, HISTORY, OUTCOME_UNKNOWN, READ_ONLY, REMOVE, UPDATE
from tests.support.databases import application_on
from tests.support.insides import READ_CART

DESCRIPTION = json.loads(docs.DESCRIPTION)
OPERATIONS = [
    (path, method, operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]
ITEM = {"product_id": 5, "qty": 2}
LOGIN = {"Authorization": f"Basic {DEMO_KEY}"}
SEEN_ELSEWHERE = [
    {"message": "The request with this Idempotency-Key is still running"},
    OUTCOME_UNKNOWN,
    READ_ONLY,
]


def test_the_description_is_served_as_it_stands(client):
    answer = client.get("/openapi.json")
    assert (answer.status_code, answer.json) == (200, DESCRIPTION)
    assert answer.content_type == "application/json"


def test_all_routes_and_no_others_are_described(app):
    about_itself = {"index", "docs", "openapi", "swagger_ui.show"}
    routes = {
        (rule.rule, method.lower(), rule.endpoint.split(".")[-1])
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint not in about_itself
    }
    described = {(path, method, op["operationId"]) for path, method, op in OPERATIONS}
    assert described == routes


def test_the_docs_page_links_to_the_description(client):
    assert client.get("/").headers["Location"] == "/docs"
    for path in ("/docs", "/docs/"):
        page = client.get(path)
        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert "/openapi.json" in page.text
    assert client.get("/docs/nothing.js").json == {"message": "Not found"}


def test_docs_page_and_description_can_be_switched_off(new_database):
    with application_on(new_database, API_DOCS=False) as app:
        for path in ("/", "/docs", "/docs/", "/openapi.json"):
            assert app.test_client().get(path).status_code == 404


def follow(node):
    """Return the node, or the node that its $ref names."""
    target = DESCRIPTION if "$ref" in node else node
    for name in node.get("$ref", "#").split("/")[1:]:
        target = target[name]
    return target


def examples():
    """Yield each example of an answer with its status."""
    for _, _, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            for content in follow(response)["content"].values():
                for example in content["examples"].values():
                    yield int(status), follow(example)["value"]


def without_times(answer):
    """Return an answer as text, with the same date everywhere."""
    return re.sub(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"', '"then"', json.dumps(answer))


@pytest.fixture
def seen(new_database, without_database, user_service, monkeypatch):
    """All kinds of answers of a real application, each with its status."""
    answers = []

    def send(client, method, path, body=None, login=True, **options):
        headers = (LOGIN if login else {}) | options.pop("headers", {})
        answer = client.open(path, method=method, data=body, headers=headers, **options)
        body = answer.json if answer.is_json else answer.text
        answers.append((answer.status_code, body))

    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app:
        with app.app_context():
            upgrade()
        visit(app, send, user_service, monkeypatch)
    for path in ("/api/order", "/readyz"):
        send(without_database, "GET", path)
    return answers


def visit(app, send, user_service, monkeypatch):
    client = app.test_client()
    for path in ("/api/order", "/api/orders", HISTORY, "/healthz", "/readyz"):
        send(client, "GET", path)
    for path in (UPDATE, REMOVE, CHECKOUT):
        send(client, "POST", path, ITEM)
    for body in ({}, {"product_id": "two"}, b"a" * 70_000):
        send(client, "POST", ADD, body)
    send(client, "POST", ADD, b"{", content_type="application/json")
    cut_off = {"CONTENT_LENGTH": "9", "wsgi.input_terminated": True}  # as gunicorn sets it
    send(client, "POST", ADD, b"qty=1", environ_overrides=cut_off)
    send(client, "POST", ADD, ITEM, headers={"Idempotency-Key": "two words"})
    send(client, "POST", ADD, ITEM, headers={"Idempotency-Key": "key"})
    send(client, "POST", CHECKOUT, headers={"Idempotency-Key": "key"})
    send(client, "GET", "/api/order")
    send(client, "POST", UPDATE, ITEM | {"qty": 7})
    send(client, "POST", REMOVE, {"product_id": 5})
    send(client, "POST", REMOVE, {"product_id": 5})
    send(client, "POST", CHECKOUT)
    send(client, "POST", ADD, ITEM)
    send(client, "POST", CHECKOUT)
    for path, too_many in [(HISTORY, 101), ("/api/orders", 1001)]:
        send(client, "GET", path)
        send(client, "GET", f"{path}?limit={too_many}")
    app.config["ORDERS_REQUIRE_ADMIN"] = True
    send(client, "GET", "/api/orders")
    send(client, "GET", "/api/orders", login=False)
    send(client, "GET", "/metrics")
    user_service.answer = lambda handler: handler.send(500, {})
    send(client, "GET", "/api/order")
    send(client, "GET", "/readyz")
    user_service.reset()
    with monkeypatch.context() as broken:
        broken.setattr(*READ_CART, None)
        send(client, "GET", "/api/order")


def test_the_examples_are_real_answers(seen):
    real = {(status, without_times(answer)) for status, answer in seen}
    metrics = next(answer for _, answer in seen if isinstance(answer, str))
    for status, example in examples():
        if isinstance(example, str):
            assert re.sub(r"\d+\.0", "1.0", metrics).count(example) == 1
        elif example not in SEEN_ELSEWHERE:
            assert (status, without_times(example)) in real
