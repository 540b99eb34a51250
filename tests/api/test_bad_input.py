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


@pytest.mark.parametrize(
    "value",
    [
        *("true", "false", "null", "[1]", '{"a": 1}', '"2.0"', '"1e3"'),
        *("1.5", "0", "0.0", "-1", "-1.0", "2147483648", "2147483648.0", "9223372036854775808"),
        *("1e300", "1e999", "1e-1", "NaN", "Infinity"),
        '["1", "2"]',
    ],
)
def test_a_json_value_must_be_a_whole_number_in_range(client, login, value):
    body = f'{{"product_id": 5, "qty": {value}}}'
    answer = client.post(ADD, data=body, content_type="application/json", headers=login)
    rule = "is required" if value == "null" else WHOLE
    assert (answer.status_code, answer.json) == (400, {"message": f"qty {rule}"})


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"product_id": "5", "qty": ["1", "2"]}, "application/x-www-form-urlencoded"),
        ({"product_id": "5", "qty": ["", ""]}, "application/x-www-form-urlencoded"),
        ({"product_id": "5", "qty": ["1", "1"]}, "multipart/form-data"),
        ('{"product_id": 5, "qty": 1, "qty": 1}', "application/json"),
    ],
)
def test_a_field_that_is_sent_twice_is_told_as_such(client, login, body, content_type):
    answer = client.post(ADD, data=body, content_type=content_type, headers=login)
    assert (answer.status_code, answer.json) == (400, {"message": "qty was sent twice"})
    assert client.get("/api/orders").json == []


@pytest.mark.parametrize("value", [b"%ff", b"\xff", b"2\xff"])
def test_a_form_need_not_be_utf_8(client, login, value):
    form = "application/x-www-form-urlencoded"
    body = b"product_id=5&note=" + value + b"&qty="
    refused = client.post(ADD, data=body + value, content_type=form, headers=login)
    assert (refused.status_code, refused.json) == (400, {"message": f"qty {WHOLE}"})
    assert client.post(ADD, data=body + b"2", content_type=form, headers=login).status_code == 200


@pytest.mark.parametrize(
    ("value", "quantity"), [("2.0", 2), ("1e3", 1000), ("2147483647.0", 2**31 - 1)]
)
def test_a_json_number_that_is_whole_by_value_is_an_integer(client, login, value, quantity):
    body = f'{{"product_id": 5.0, "qty": {value}}}'
    answer = client.post(ADD, data=body, content_type="application/json", headers=login)
    assert answer.json["result"]["items"] == [{"product_id": 5, "quantity": quantity, "product": 5}]
    assert f'"quantity":{quantity},' in answer.text


@pytest.mark.parametrize(
    "value", ["7", " 7 ", "007", "7\n", "7\r\n", "\t7\v", "\u30007\xa0", "7\x1c"]
)
def test_white_space_and_leading_zeros_are_allowed_around_digits(client, login, value):
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
