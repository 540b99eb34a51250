"""Broken HTTP, incomplete bodies and random requests."""

import json
import random
from collections import Counter
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api import ADD, CHECKOUT
from tests.support.line import Line
from tests.support.needs import trials


@pytest.fixture
def line(shared_service, user):
    return Line(shared_service, user)


FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = f"{FORM}Transfer-Encoding: chunked\r\n\r\n"
BODY = "product_id=5&qty=12"  # 13 in hexadecimal


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (f"{FORM}Content-Length: 19\r\n\r\n{BODY}", 200),
        (f"{FORM}Content-Length: 19\r\n\r\n{BODY[:-1]}", 400),
        (f"{FORM}Content-Length: 65537\r\n\r\n", 413),
        (f"{FORM}Content-Length: -1\r\n\r\n", 400),
        (f"{CHUNKED}13\r\n{BODY}\r\n0\r\n\r\n", 200),
        (f"{CHUNKED}13\r\n{BODY[:-1]}", 400),
        (f"{CHUNKED}12\r\n{BODY[:-1]}\r\n", 400),
        (f"{CHUNKED}12\r\n{BODY[:-1]}\r\nzz\r\n", 400),
        (f"{CHUNKED}13\r\n{BODY}\r\n10000\r\n{'&' * 65536}\r\n0\r\n\r\n", 413),
        (f"X: {'x' * 70_000}\r\n\r\n", 431),
        ("Expect: the unexpected\r\n\r\n", 417),
        ("Transfer-Encoding: unknown\r\n\r\n", 501),
        ("Authorization Basic key\r\n\r\n", 400),
        ("A\x00: b\r\n\r\n", 400),
    ],
)
def test_only_a_complete_request_has_an_effect(line, rest, status):
    answer = line.send((line.head + rest).encode())
    assert answer is not None
    assert answer[0] == status
    if status == 200:
        assert line.cart() == answer[1]
    else:
        assert answer[1]["message"]
        assert line.cart() == {"message": "No order found"}


@trials(300, 2500)
def test_mangled_requests_get_json_errors_and_change_nothing(line, shared_service, report, trials):
    whole = f"{line.head}Idempotency-Key: k\r\n{FORM}Content-Length: 19\r\n\r\n{BODY}".encode()
    cart, statuses = line.cart(), Counter()
    for _ in range(trials):
        data = bytearray(whole.replace(b": k", b": %x" % random.getrandbits(64)))
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(data))
            cut = slice(at, at + random.choice([0, 1, 1, 5, 50]))
            data[cut] = random.choice([b"", random.randbytes(1), data[cut] * 2, b"\r\n", b"0"])
        answer = line.send(bytes(data))
        statuses[answer and answer[0]] += 1
        if answer is None:
            assert b"\r\n\r\n" not in data, bytes(data)
        elif answer[0] == 200:
            cart = answer[1]
        else:
            assert answer[0] != 500, bytes(data)
            assert answer[1] is None or answer[1]["message"], bytes(data)
        assert line.cart() == cart, bytes(data)
    assert "Traceback" not in shared_service.log.read_text()
    report("mangled requests", trials, shared_service.database_url, f"{dict(statuses)}")


names = st.sampled_from(["product_id", "qty", "id", "user_id", "is_open", ""]) | st.text(max_size=5)
values = st.integers() | st.text(max_size=20) | st.floats() | st.booleans() | st.none()
texts = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)
bodies = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(names, values | st.lists(values)).map(lambda body: json.dumps(body).encode()),
    st.builds("product_id={}&qty={}".format, values, values).map(str.encode),
)
content_types = texts | st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
     "application/json; charset=utf-16", "multipart/form-data; boundary*=utf-16''%ff"]
)  # fmt: skip
paths = st.sampled_from([ADD, CHECKOUT, "/api/order", "/api/orders"]) | texts.map(
    lambda text: f"/api/{quote(text)}"
)


@trials(150, 1500)
def test_random_requests_get_json_answers_and_errors_change_nothing(
    app, client, login, report, trials
):
    statuses = Counter()

    @settings(
        max_examples=trials, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
        path=paths,
        body=bodies,
        content_type=content_types,
        headers=st.dictionaries(st.sampled_from(["Idempotency-Key", "Accept", "Range"]), texts),
    )
    def send(method, path, body, content_type, headers):
        before = client.get("/api/orders").json
        answer = client.open(
            path,
            method=method,
            data=body,
            content_type=content_type,
            headers=headers | login,
        )
        statuses[answer.status_code] += 1
        assert answer.status_code < 500
        assert method == "OPTIONS" or answer.json is not None
        if answer.status_code != 200:
            assert client.get("/api/orders").json == before

    send()
    report("random requests", trials, app.config["DATABASE_URL"], f"{dict(statuses)}")
