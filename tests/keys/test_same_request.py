"""Which requests are the same to an Idempotency-Key: those that ask for the same."""

import pytest

from tests.support.api import ADD, CHECKOUT, CLEAR, REMOVE, UPDATE, add, quantities
from tests.support.idempotency import is_replay_of

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary=b"
PARTS = (
    '--b\r\nContent-Disposition: form-data; name="qty"\r\n\r\n2\r\n'
    '--b\r\nContent-Disposition: form-data; name="product_id"\r\n\r\n5\r\n--b--\r\n'
)


@pytest.fixture
def post(client, login):
    """Send a POST of the user's, always with the same key."""

    def post(path, body=None, content_type=FORM):
        headers = login | {"Idempotency-Key": "key"}
        return client.post(path, data=body, content_type=content_type, headers=headers)

    return post


SAME = [
    ("product_id=5&qty=2", FORM),
    ("qty=2&product_id=5", FORM),
    ("product_id=+5+&qty=002", FORM),
    (PARTS, MULTIPART),
    (PARTS.replace("--b", "--c"), MULTIPART.replace("=b", "=c")),
    ('{"product_id": 5, "qty": 2}', JSON),
    ('{"qty":2,"product_id":5}', JSON),
    ('{"product_id": "5", "qty": " 2 "}', "application/vnd.shop+json; charset=utf-8"),
    ('{"qty": 2.0, "product_id": 0.5e1}', JSON),
]


@pytest.mark.parametrize("first", [0, 5])
def test_the_same_fields_in_another_form_are_the_same_request(client, post, first):
    answer = post(ADD, *SAME[first])
    for body, content_type in SAME:
        assert is_replay_of(answer, post(ADD, body, content_type))
    assert quantities(client) == [[2]]


OTHERS = [
    ("product_id=5&qty=3", FORM),
    ("product_id=2&qty=5", FORM),
    ("product_id=5", FORM),
    ("product_id=5&qty=2&qty=2", FORM),
    ("product_id=5&qty=2.0", FORM),
    ("product_id=5&qty=2&note=x", FORM),
    ("", FORM),
    (PARTS.replace("\r\n2\r\n", "\r\n21\r\n"), MULTIPART),
    ('{"product_id": 5, "qty": 20}', JSON),
    ('{"product_id": 5, "qty": 2.5}', JSON),
    ('{"product_id": 5, "qty": true}', JSON),
    ('{"product_id": 5, "qty": 2, "qty": 2}', JSON),
    ('{"product_id": 5, "qty": [2]}', JSON),
    ("{}", JSON),
]


@pytest.mark.parametrize("first", [0, 5])
def test_other_fields_or_values_are_another_request(client, post, first):
    post(ADD, *SAME[first])
    for body, content_type in OTHERS:
        assert post(ADD, body, content_type).status_code == 422
    assert quantities(client) == [[2]]


def test_texts_that_read_as_the_same_number_are_other_values(client, login):
    headers = login | {"Idempotency-Key": "k"}
    for note, status in (("007", 200), ("7", 422), ("007", 200)):
        body = {"product_id": 5, "qty": 1, "note": note}
        assert client.post(ADD, data=body, headers=headers).status_code == status


@pytest.mark.parametrize("path", [CLEAR, CHECKOUT])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        *(("", FORM), ("a=1", FORM)),
        *(("{}", JSON), (" { } ", JSON), ('{"a": 1}', JSON), ("{", JSON)),
        *((None, "text/plain"), ("hello", "text/plain"), ("hello", None)),
    ],
)
def test_an_ignored_body_is_no_part_of_the_request(client, login, post, path, body, content_type):
    add(client, login)
    answer = post(path, None, None)
    assert answer.status_code == 200
    assert is_replay_of(answer, post(path, body, content_type))


def test_another_path_is_another_request(post):
    post(ADD, *SAME[0])
    for path in (UPDATE, REMOVE, CLEAR, CHECKOUT):
        assert post(path, *SAME[0]).status_code == 422
