"""What answers allow caches and browsers, on every engine's application and through a cache."""

import re

import pytest
import requests

from application.serving.headers import HEADERS
from tests.support.api import ADD, CHECKOUT, HISTORY, add
from tests.support.line import Line
from tests.support.needs import need_program
from tests.support.nginx import Nginx

CACHE = """
    proxy_cache cache;
    proxy_cache_valid 200 1m;
    location / { proxy_pass http://ADDRESS; }
"""
REQUESTS = [  # all kinds of answers: personal, administrative, errors, probes, a redirect
    ("GET", "/api/order", 200),
    ("GET", "/api/orders", 200),
    ("GET", HISTORY, 200),
    ("POST", CHECKOUT, 200),
    ("POST", ADD, 400),
    ("GET", "/api/order/2147483647", 404),
    ("GET", "/nothing", 404),
    ("PUT", "/api/order", 405),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/", 302),
]


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
def test_no_answer_may_be_kept_or_framed_or_taken_for_a_page(client, login, method, path, status):
    add(client, login)
    answer = client.open(path, method=method, headers=login)
    assert answer.status_code == status
    assert HEADERS.items() <= dict(answer.headers).items()


def test_a_caller_s_own_copy_may_still_be_confirmed(client, login):
    headers = login | {"If-None-Match": add(client, login).headers["ETag"]}
    answer = client.get("/api/order", headers=headers)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (304, "no-store")


def test_an_answer_without_a_key_may_not_be_kept_either(client):
    answer = client.get("/api/order")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (401, "no-store")


def test_the_page_runs_its_own_scripts_only(client):
    pages = [client.get("/docs") for _ in range(2)]
    nonces = [
        re.search(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"])[1] for page in pages
    ]
    assert nonces[0] != nonces[1]
    for page, nonce in zip(pages, nonces, strict=True):
        assert f'<script nonce="{nonce}">' in page.text
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"


def test_the_files_of_the_page_may_be_kept_for_an_hour(client):
    answer = client.get("/docs/swagger-ui.css")
    kept = answer.headers["Cache-Control"]
    answer.close()
    assert kept == "public, max-age=3600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.slow  # a server and nginx
def test_a_cache_shows_nobody_the_order_of_another(start, users, tmp_path):
    """One that keeps whatever answer does not forbid it."""
    need_program("nginx")
    service = start(f"sqlite:///{tmp_path}/order.db")
    address = service.url.removeprefix("http://")
    with Nginx(tmp_path, CACHE.replace("ADDRESS", address)).running() as cache:
        url = f"http://127.0.0.1:{cache.port}/api/order"
        one, other = ({"Authorization": f"Basic {user['api_key']}"} for user in users[:2])
        requests.post(f"{url}/add-item", data={"product_id": 5, "qty": 1}, headers=one, timeout=60)
        assert "result" in requests.get(url, headers=one, timeout=60).json()
        nothing = {"message": "No order found"}
        assert requests.get(url, headers=other, timeout=60).json() == nothing
        assert requests.get(url, timeout=60).status_code == 401


@pytest.mark.slow  # a server of its own
def test_malformed_http_is_answered_with_them_too(start, tmp_path, user):
    line = Line(start(f"sqlite:///{tmp_path}/order.db"), user)
    assert HEADERS.items() <= line.headers(b"no HTTP\r\n\r\n").items()
