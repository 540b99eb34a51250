"""Fields and bodies that the API refuses, on every engine."""

import pytest

from tests.support.api import ADD, add, show

WHOLE = "must be a whole number from 1 to 2147483647"


@pytest.mark.parametrize("field", ["product_id", "qty"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "is required"),
        ("", "is required"),
        ("two", WHOLE),
        ("0", WHOLE),
        ("-1", WHOLE),
        ("1.5", WHOLE),
        ("1e3", WHOLE),
        ("٣", WHOLE),
        ("1_000", WHOLE),
        ("true", WHOLE),
        ("2147483648", WHOLE),
        (str(2**63), WHOLE),
        ("9" * 5000, WHOLE),
        (["1", "2"], WHOLE),
    ],
)
@pytest.mark.parametrize("encoding", ["data", "json"])
def test_a_bad_field_is_named_and_changes_nothing(client, login, encoding, field, value, rule):
    body = {"product_id": "5", "qty": "2"} | {field: value}
    if value is None:
        del body[field]
    answer = client.post(ADD, **{encoding: body}, headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": f"{field} {rule}"})
    assert client.get("/api/orders").json == []


@pytest.mark.parametrize("value", [True, False, 1.5, 2.0, 0, -1, 2**31, 2**63, [1], {"a": 1}])
def test_a_json_value_must_be_an_integer_in_range(client, login, value):
    answer = client.post(ADD, json={"product_id": 5, "qty": value}, headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": f"qty {WHOLE}"})


@pytest.mark.parametrize("value", ["7", " 7 ", "007"])
def test_spaces_and_leading_zeros_are_allowed_around_digits(client, login, value):
    body = {"product_id": 5, "qty": value}
    for encoding in ("data", "json"):
        answer = client.post(ADD, **{encoding: body}, headers=login)
        assert answer.status_code == 200
    assert answer.json["result"]["items"][0]["quantity"] == 14


def test_a_sum_that_exceeds_the_column_is_refused(client, login):
    full = add(client, login, 5, 2**31 - 1)
    answer = add(client, login, 5, 1)
    assert answer.status_code == 400
    assert answer.json == {"message": "qty must leave the line's quantity at most 2147483647"}
    assert show(client, login).json == full.json


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body must be valid JSON"),
        (b"[" * 50_000, "The body must be valid JSON"),
        (b"\xff", "The body must be valid JSON"),
        (b"[]", "The body must be a JSON object"),
        (b"null", "The body must be a JSON object"),
    ],
)
def test_bad_json_is_refused(client, login, body, message):
    answer = client.post(ADD, data=body, content_type="application/json", headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": message})


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_is_too_large_is_refused(client, login, content_type):
    answer = client.post(ADD, data=b"a" * 70_000, content_type=content_type, headers=login)
    assert (answer.status_code, answer.json) == (413, {"message": "Request entity too large"})
