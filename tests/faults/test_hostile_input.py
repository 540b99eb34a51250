"""What callers may send: broken HTTP, half bodies, random requests; and what the log says."""

import json
import random
import socket
from base64 import b64encode
from http.client import HTTPException, HTTPResponse
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from tests.faults import trials
from tests.faults.conftest import mysql_database
from tests.faults.shoppers import Shopper
from tests.service import Service

ADD = "/api/order/add-item"


class Line:
    """A user's connection to the service, for bytes that no HTTP library would send."""

    def __init__(self, service, user):
        self.service, self.shopper = service, Shopper(service.url, user)
        self.head = f"POST {ADD} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {user['api_key']}\r\n"

    def send(self, data: bytes):
        """Send bytes and no more; return the answer's status and JSON, or None without one."""
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=10) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            answer = HTTPResponse(line)
            try:
                answer.begin()
            except (ConnectionError, HTTPException):
                return None
            return answer.status, json.loads(answer.read() or "null")

    def cart(self):
        return self.shopper.cart().json()


@pytest.fixture(scope="module")
def service(user_service, tmp_path_factory):
    """One instance for all of these tests, each of which has a user of its own."""
    folder = tmp_path_factory.mktemp("service")
    with (
        mysql_database(folder) as url,
        Service(url, user_service.url, folder / "service.log") as service,
    ):
        yield service


@pytest.fixture
def line(service, user):
    return Line(service, user)


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
        ("Authorization Basic key\r\n\r\n", 400),
        ("A\x00: b\r\n\r\n", 400),
    ],
)
def test_only_a_whole_request_counts(line, rest, status):
    answer = line.send((line.head + rest).encode())
    assert answer is not None
    assert answer[0] == status
    if status == 200:
        assert line.cart() == answer[1]
    else:
        assert answer[1]["message"]
        assert line.cart() == {"message": "No order found"}


@trials(300, 2500)
def test_mangled_bytes_do_no_harm(line, service, report, trials):
    whole = f"{line.head}Idempotency-Key: k\r\n{FORM}Content-Length: 19\r\n\r\n{BODY}".encode()
    cart, statuses = line.cart(), set()
    for _ in range(trials):
        data = bytearray(whole.replace(b": k", b": %x" % random.getrandbits(64)))
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(data))
            cut = slice(at, at + random.choice([0, 1, 1, 5, 50]))
            data[cut] = random.choice([b"", random.randbytes(1), data[cut] * 2, b"\r\n", b"0"])
        answer = line.send(bytes(data))
        if answer is None:
            assert b"\r\n\r\n" not in data, bytes(data)
        elif answer[0] == 200:
            cart = answer[1]
        else:
            statuses.add(answer[0])
            assert answer[0] != 500, bytes(data)
            assert answer[1] is None or answer[1]["message"], bytes(data)
        assert line.cart() == cart, bytes(data)
    assert "Traceback" not in service.log.read_text()
    found = f"never 500, JSON, no change by {sorted(statuses)}"
    report("mangled requests", trials, service.database_url, found)


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
paths = st.sampled_from([ADD, "/api/order/checkout", "/api/order", "/api/orders"]) | texts.map(
    lambda text: f"/api/{quote(text)}"
)


@trials(150, 1500)
def test_random_requests_are_answered_in_json_and_refused_ones_change_nothing(
    app, client, login, report, trials
):
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
        assert answer.status_code < 500
        assert method == "OPTIONS" or answer.json is not None
        if answer.status_code != 200:
            assert client.get("/api/orders").json == before

    send()
    report(
        "random requests", trials, app.config["DATABASE_URL"], "never 500, JSON, no change by 4xx"
    )


def test_the_log_never_holds_a_key(user, line, service):
    secret = "a-key-that-Basic-authentication-decodes"
    keys = [user["api_key"], b64encode(secret.encode()).decode()]
    for key in keys:
        login = {"Authorization": f"Basic {key}", "Idempotency-Key": "k"}
        for _ in range(2):
            url = f"{service.url}{ADD}?key={key}"
            requests.post(url, {"product_id": 5, "qty": 1}, headers=login, timeout=10)
        line.send(f"GET / HTTP/1.1\r\nAuthorization Basic {key}\r\n\r\n".encode())
        line.send(f"GET / HTTP/1.1\r\nAuthorization: Basic {key}\x00\r\n\r\n".encode())
        line.send(f"GET / HTTP/1.1\r\nAuthorization: a\r\n  {key}\r\n\r\n".encode())
    log = service.log.read_text()
    for status in (200, 401):
        assert log.count(f'"application", "message": "POST {ADD} {status}') >= 2
    assert log.count("Refused a request") >= 6
    assert not [key for key in [*keys, secret] if key in log]


def test_the_log_never_holds_the_database_s_password(start, service):
    url = make_url(service.database_url).set(username="nobody", password="of-the-database")
    shut_out = start(url.render_as_string(hide_password=False), MIGRATE_ON_START="false")
    answer = requests.get(f"{shut_out.url}/api/orders", timeout=10)
    assert answer.status_code == 503
    log = shut_out.log.read_text()
    assert "Access denied" in log
    assert "of-the-database" not in log + answer.text
