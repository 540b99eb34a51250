"""The log holds no API key and no password, whatever is sent."""

from base64 import b64encode

import requests
from sqlalchemy import make_url

from tests.support.api import ADD
from tests.support.line import Line


def test_the_log_never_holds_a_key(user, shared_service):
    line = Line(shared_service, user)
    secret = "a-key-that-Basic-authentication-decodes"
    keys = [user["api_key"], b64encode(secret.encode()).decode()]
    for key in keys:
        login = {"Authorization": f"Basic {key}", "Idempotency-Key": "k"}
        for _ in range(2):
            url = f"{shared_service.url}{ADD}?key={key}"
            requests.post(url, {"product_id": 5, "qty": 1}, headers=login, timeout=60)
        line.send(f"GET / HTTP/1.1\r\nAuthorization Basic {key}\r\n\r\n".encode())
        line.send(f"GET / HTTP/1.1\r\nAuthorization: Basic {key}\x00\r\n\r\n".encode())
        line.send(f"GET / HTTP/1.1\r\nAuthorization: a\r\n  {key}\r\n\r\n".encode())
    log = shared_service.log.read_text()
    for status in (200, 401):
        assert log.count(f'"application", "message": "POST {ADD} {status}') >= 2
    assert log.count("Refused a request") >= 6
    assert not [key for key in [*keys, secret] if key in log]


def test_the_log_never_holds_the_database_s_password(start, shared_service):
    url = make_url(shared_service.database_url).set(username="nobody", password="of-the-database")
    shut_out = start(url.render_as_string(hide_password=False), MIGRATE_ON_START="false")
    answer = requests.get(f"{shut_out.url}/api/orders", timeout=60)
    assert answer.status_code == 503
    log = shut_out.log.read_text()
    assert "Access denied" in log
    assert "of-the-database" not in log + answer.text
