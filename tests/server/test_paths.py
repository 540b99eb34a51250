"""Other spellings of a path, which could evade a proxy's rules."""

from contextlib import closing
from http.client import HTTPConnection

import pytest

import config
from tests.support.api import add
from tests.support.balancer import Haproxy
from tests.support.needs import need_program
from tests.support.nginx import Nginx

SLASHES = ["//metrics", "///readyz", "//healthz", "//api/order", "//", "//docs"]


@pytest.mark.parametrize("path", SLASHES)
def test_a_path_with_further_slashes_is_none(client, login, path):
    answer = client.get("/", headers=login, environ_overrides={"PATH_INFO": path})
    assert (answer.status_code, answer.json) == (404, {"message": "Not found"})


@pytest.mark.parametrize("digits", ["１", "١", "1２", "²"], ids=ascii)  # noqa: RUF001
def test_an_order_s_number_has_ascii_digits_only(client, login, digits):
    assert add(client, login).status_code == 200
    assert client.get(f"/api/order/{digits}", headers=login).status_code == 404


@pytest.mark.slow  # a server of its own
@pytest.mark.parametrize("prefix", ["", "/shop"])
def test_slashes_are_refused_however_they_are_written(start, tmp_path, prefix):
    service = start(f"sqlite:///{tmp_path}/order.db", SCRIPT_NAME=prefix)
    for slashes, answer in {"/": 200, "//": 404, "/%2f": 404, "/%2F": 404, "///": 404}.items():
        assert status(service.port, f"{prefix}{slashes}metrics") == answer


HAPROXY = """
listen orders
    mode http
    bind 127.0.0.1:{port}
    RULE
    server one {address}
"""
EVASIONS = ["/metrics", "//metrics", "/%2fmetrics", "/api/../metrics", "/api/%2e%2e/metrics"]
EVASIONS += ["/api/..%2fmetrics", "/api//../../metrics", "/%61pi/../metrics", "/api/%2fmetrics"]


def documented(beginning):
    """Return the line of a proxy's settings that docs/operation.md shows."""
    text = (config.ROOT / "docs" / "operation.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith(beginning)]
    return line.partition("#")[0]


@pytest.mark.slow  # a server and a proxy
@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_the_documented_rules_of_proxies_hide_everything_but_the_api(start, tmp_path, proxy):
    need_program(proxy)
    service = start(f"sqlite:///{tmp_path}/order.db")
    address = service.url.removeprefix("http://")
    if proxy == "nginx":
        rule = documented("location /api/").replace("127.0.0.1:5003", address)
        running = Nginx(tmp_path, rule)
    else:
        rule = documented("http-request deny").replace("{", "{{").replace("}", "}}")
        running = Haproxy(tmp_path, HAPROXY.replace("RULE", rule), address=address)
    with running.running():
        assert status(running.port, "/api/order") == 401
        for path in EVASIONS:
            assert status(running.port, path) in {400, 403, 404}, path


def status(port, path):
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status
