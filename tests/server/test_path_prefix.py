"""The service below /shop: behind proxies that keep the prefix, and behind some that strip it."""

import json
import re
from urllib.parse import urljoin

import pytest
import requests

from tests.support.balancer import Haproxy
from tests.support.databases import application_on
from tests.support.needs import need_program
from tests.support.nginx import Nginx

pytestmark = pytest.mark.slow  # proxies

KEEP = {"SCRIPT_NAME": "/shop"}
STRIP = {"TRUST_FORWARDED_PREFIX": "true"}
HAPROXY = """
listen orders
    mode http
    bind 127.0.0.1:{port}
    server one {address}
"""
PROXIES = {
    ("nginx", "keeps"): "location /shop/ { proxy_pass http://ADDRESS; }",
    ("nginx", "strips"): """location /shop/ {
        proxy_pass http://ADDRESS/;
        proxy_set_header X-Forwarded-Prefix /shop;
    }""",
    ("haproxy", "keeps"): HAPROXY,
    ("haproxy", "strips"): f"""{HAPROXY}
    http-request set-header X-Forwarded-Prefix /shop
    http-request replace-path /shop/(.*) /\\1
""",
}


def proxy(folder, program, settings, address):
    if program == "nginx":
        return Nginx(folder, settings.replace("ADDRESS", address))
    return Haproxy(folder, settings, address=address)


@pytest.fixture(params=PROXIES, ids=" ".join)
def shop(request, start, tmp_path):
    """The URL of the service below /shop, behind a proxy."""
    program, way = request.param
    need_program(program)
    settings = KEEP if way == "keeps" else STRIP
    service = start(f"sqlite:///{tmp_path}/order.db", **settings)
    address = service.url.removeprefix("http://")
    with proxy(tmp_path, program, PROXIES[request.param], address).running() as running:
        yield f"http://127.0.0.1:{running.port}/shop"


def get(url, **options):
    return requests.get(url, timeout=60, allow_redirects=False, **options)


def test_whatever_leads_elsewhere_stays_below_the_prefix(shop, user_service):
    assert get(f"{shop}/").headers["Location"] == "/shop/docs"
    assert get(f"{shop}/openapi.json").json()["servers"] == [{"url": "/shop"}]
    for path in ("/docs", "/docs/"):
        page = get(f"{shop}{path}")
        references = re.findall(r'(?:src=|href=|url: )"([^"]+)"', page.text)
        found = {urljoin(page.url, reference) for reference in references}
        assert {f"{shop}/openapi.json", f"{shop}/docs/swagger-ui-bundle.js"} < found
        assert {get(url).status_code for url in found} == {200}

    for name in ("one", "two"):
        login = {"Authorization": f"Basic {user_service.add(name)['api_key']}"}
        item = {"product_id": 5, "qty": 2}
        added = requests.post(f"{shop}/api/order/add-item", item, headers=login, timeout=60)
        assert added.status_code == 200
    first = get(f"{shop}/api/orders?limit=1")
    second = get(urljoin(first.url, first.links["next"]["url"]))
    assert first.json() + second.json() == get(f"{shop}/api/orders").json()
    assert len(second.json()) == 1

    assert 'route="/api/orders"' in get(f"{shop}/metrics").text
    assert get(f"{shop}/nothing").json() == {"message": "Not found"}


def test_probes_need_no_prefix(start, tmp_path):
    service = start(f"sqlite:///{tmp_path}/order.db", SCRIPT_NAME="/a/shop/", LOG_LEVEL="DEBUG")
    for path, status in [
        ("/healthz", 200),
        ("/a/shop/healthz", 200),
        ("/a/shophealthz", 404),  # a proxy's rule about /a/shop/healthz must hold
        ("/a/healthz", 404),
        ("/healthz/a/shop", 404),
    ]:
        answer = get(service.url + path)
        assert (path, answer.status_code) == (path, status)
        assert answer.headers["Content-Type"] == "application/json"
    assert get(f"{service.url}/a/shop").headers["Location"] == "/a/shop/docs"
    paths = [json.loads(line).get("path") for line in service.log.read_text().splitlines()]
    assert paths.count("/healthz") == 2


def test_a_caller_cannot_choose_the_prefix(shop):
    for prefix in ("/api", "/shop/api"):  # gunicorn's default lets a local proxy send this header
        evasive = {"SCRIPT_NAME": prefix}
        assert get(f"{shop}/api/metrics", headers=evasive).status_code == 404
    theirs = {"X-Forwarded-Prefix": "/theirs", "SCRIPT_NAME": "/theirs", "Script-Name": "/theirs"}
    assert get(f"{shop}/", headers=theirs).headers["Location"] == "/shop/docs"
    servers = get(f"{shop}/openapi.json", headers=theirs).json()["servers"]
    assert servers == [{"url": "/shop"}]


@pytest.mark.parametrize(
    ("header", "prefix"),
    [
        ("/shop", "/shop"),
        ("/shop/", "/shop"),
        ("/a/shop", "/a/shop"),
        ("/theirs, /shop", "/shop"),  # the nearest proxy's, if it adds instead of replacing
        ("/", ""),
        ("", ""),
    ],
)
def test_a_trusted_proxy_names_the_prefix(new_database, header, prefix):
    with application_on(new_database, TRUST_FORWARDED_PREFIX=True) as app:
        headers = {"X-Forwarded-Prefix": header}
        seen = app.test_client().get("/openapi.json", headers=headers).json["servers"]
        assert seen == [{"url": prefix or "/"}]
        location = app.test_client().get("/", headers=headers).headers["Location"]
        assert location == f"{prefix}/docs"


def test_a_new_master_keeps_the_prefix(start, tmp_path):
    service = start(f"sqlite:///{tmp_path}/order.db", **KEEP)
    with service.replaced():
        assert get(f"{service.url}/shop/healthz").status_code == 200
