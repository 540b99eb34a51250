"""The API's description: complete, and with examples that are real answers."""

import json
import re

import pytest

import config
from application import __version__
from application.serving.headers import HEADERS
from tests.support.api import OUTCOME_UNKNOWN, READ_ONLY
from tests.support.databases import application_on, migrate
from tests.support.visit import Visit

DESCRIPTION = json.loads((config.ROOT / "application" / "openapi.json").read_text())
OPERATIONS = [
    (path, method, operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]
OF_EVERY_ANSWER = {"Content-Type", "Content-Length", *HEADERS}
SEEN_ELSEWHERE = [
    {"message": "An order has 500 items at most"},
    {"message": "The request with this Idempotency-Key has not ended yet"},
    OUTCOME_UNKNOWN,
    READ_ONLY,
]


def test_the_description_is_served_with_the_version(client):
    answer = client.get("/openapi.json")
    info = DESCRIPTION["info"] | {"version": __version__}
    assert (answer.status_code, answer.json) == (200, DESCRIPTION | {"info": info})
    assert answer.content_type == "application/json"


def test_all_routes_and_no_others_are_described(app):
    about_itself = {"index", "docs", "openapi", "swagger_ui.static"}
    routes = {
        (re.sub(r"<.*:(.*)>", r"{\1}", rule.rule), method.lower(), rule.endpoint.split(".")[-1])
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
            for content in follow(response).get("content", {}).values():
                for example in content["examples"].values():
                    yield int(status), follow(example)["value"]


def without_times(answer):
    """Return an answer as text, with the same date everywhere."""
    return re.sub(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"', '"then"', json.dumps(answer))


@pytest.fixture
def seen(new_database, without_database, user_service, monkeypatch):
    """All kinds of answers of a real application."""
    migrate(new_database)
    with application_on(new_database, USER_SERVICE_URL=user_service.url) as app:
        visit = Visit(app.test_client())
        visit.shop()
        visit.send_bad_input()
        visit.break_off(app, user_service, monkeypatch)
    visit.client = without_database
    for path in ("/api/order", "/readyz"):
        visit.get(path)
    return visit.answers


def test_the_examples_are_real_answers(seen):
    real = {(answer.status_code, without_times(answer.json)) for answer in seen if answer.is_json}
    metrics = "".join(answer.text for answer in seen if answer.mimetype == "text/plain")
    for status, example in examples():
        if isinstance(example, str):
            assert re.sub(r"\d+\.0", "1.0", metrics).count(example) == 1
        elif example not in SEEN_ELSEWHERE:
            assert (status, without_times(example)) in real


def test_the_answers_are_described_with_their_headers(seen):
    for answer in seen:
        path = re.sub(r"/\d+$", "/{order_id}", answer.request.path)
        operation = DESCRIPTION["paths"][path][answer.request.method.lower()]
        described = follow(operation["responses"][str(answer.status_code)]).get("headers", {})
        assert set(answer.headers.keys()) - OF_EVERY_ANSWER <= set(described)
        for name, header in described.items():
            assert name in answer.headers or not follow(header).get("required")
