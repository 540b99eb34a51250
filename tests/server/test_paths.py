"""Other spellings of a path, which could evade a proxy's rules."""

from http.client import HTTPConnection

import pytest

from tests.support.api import add

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
    connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
    for slashes, status in {"/": 200, "//": 404, "/%2f": 404, "/%2F": 404, "///": 404}.items():
        connection.request("GET", f"{prefix}{slashes}metrics")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()
