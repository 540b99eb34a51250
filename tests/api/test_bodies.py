"""How a POST's body is read: by its Content-Type, and before anything else."""

from bisect import bisect

import pytest

from tests.support.api import ADD, CHECKOUT, CLEAR, add, show

FORM, JSON = "product_id=5&qty=2", '{"product_id": 5, "qty": 2}'
KINDS = "application/x-www-form-urlencoded, multipart/form-data or application/json"
UNSUPPORTED = {"message": f"The body must be a form or JSON: {KINDS}"}
OTHER_TYPES = [
    *(None, "", "text/plain", "text/json", "json", "application/jsonp", "text/x+json"),
    *("application/xml", "application/octet-stream"),
    *("application/json; charset=utf-16", "application/json; charset=latin-1"),
]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (FORM, "application/x-www-form-urlencoded"),
        (FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"),
        (JSON, "application/json"),
        (JSON, "APPLICATION/JSON"),
        ("\ufeff" + JSON, "application/json"),  # as some editors begin a file
        (JSON, "application/json; charset=utf-8"),
        (JSON, 'application/json;charset="UTF-8"'),
        (JSON, "application/json; charset=utf8; profile=x"),
        (JSON, "application/vnd.shop.item+json"),
        (JSON, "application/problem+json; charset=UTF-8"),
    ],
)
def test_forms_and_json_are_read(client, login, body, content_type):
    answer = client.post(ADD, data=body, content_type=content_type, headers=login)
    assert answer.json["result"]["items"] == [{"product_id": 5, "quantity": 2, "product": 5}]


@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_any_other_body_is_refused_and_changes_nothing(client, login, content_type):
    cart = add(client, login)
    answer = client.post(ADD, data=FORM, content_type=content_type, headers=login)
    assert (answer.status_code, answer.json) == (415, UNSUPPORTED)
    assert show(client, login).json == cart.json


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/x-www-form-urlencoded", 400), *((kind, 415) for kind in OTHER_TYPES[:-2])],
)
@pytest.mark.parametrize("body", [JSON, f"\n {JSON}", f"\ufeff{JSON}", f"[{JSON}]"])
def test_json_without_its_type_is_told_so(client, login, body, content_type, status):
    answer = client.post(ADD, data=body, content_type=content_type, headers=login)
    message = "The body is JSON: send Content-Type: application/json"
    assert (answer.status_code, answer.json) == (status, {"message": message})


def test_a_form_may_begin_as_json_does(client, login):
    form = "application/x-www-form-urlencoded"
    answer = client.post(ADD, data=f"[]=1&{FORM}", content_type=form, headers=login)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", [CHECKOUT, CLEAR])
@pytest.mark.parametrize(
    "content_type", [*OTHER_TYPES, "application/json", "application/x-www-form-urlencoded"]
)
@pytest.mark.parametrize("body", ["", "hello", "{}", "null", "[]", '""', "<a/>", FORM, b"\xff"])
def test_a_request_without_fields_ignores_its_body(client, login, path, body, content_type):
    add(client, login)
    answer = client.post(path, data=body, content_type=content_type, headers=login)
    assert answer.status_code == 200


def test_a_get_ignores_its_body(client, login):
    cart = add(client, login)
    answer = client.get("/api/order", data="x", content_type="text/plain", headers=login)
    assert (answer.status_code, answer.json) == (200, cart.json)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "The body must be valid JSON"),
        ("[" * 50_000, "The body must be valid JSON"),
        (b"\xff", "The body must be valid JSON"),
        (f'{{"qty": {"9" * 5000}}}', "The body must be valid JSON"),
        ("[]", "The body must be a JSON object"),
        ("null", "The body must be a JSON object"),
    ],
)
def test_bad_json_is_refused_and_changes_nothing(client, login, body, message):
    cart = add(client, login)
    answer = client.post(ADD, data=body, content_type="application/json", headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": message})
    assert show(client, login).json == cart.json


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deeply_nested_json_is_never_an_unexpected_error(client, login, opening, closing):
    """With a key, the fields are written as JSON again, deeper in Python's stack."""

    def status(depth, **headers):
        note = f"{opening * depth}1{closing * depth}"
        body = JSON.replace("}", f', "note": {note}}}')
        kind = "application/json"
        answer = client.post(ADD, data=body, content_type=kind, headers=login | headers)
        return answer.status_code

    largest = 64 * 1024 // len(opening + closing) - 100
    limit = bisect(range(largest), 0, key=lambda depth: status(depth) != 200)
    for depth in range(limit - 40, limit + 1):
        assert status(depth, **{"Idempotency-Key": str(depth)}) in (200, 400)


@pytest.mark.parametrize("path", [ADD, CHECKOUT, CLEAR])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_is_too_large_is_refused(client, login, path, content_type):
    answer = client.post(path, data=b"a" * 70_000, content_type=content_type, headers=login)
    assert (answer.status_code, answer.json) == (413, {"message": "Request entity too large"})
