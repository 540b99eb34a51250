"""The connection is lost while the list of all orders is being sent."""

import json
import socket
from urllib.parse import urlsplit

import pytest
import requests
from pymysql.constants import ER
from requests.exceptions import ChunkedEncodingError

from tests.support.api import DATABASE_UNAVAILABLE
from tests.support.databases import autocommit
from tests.support.orders import fill
from tests.support.proxy import Fault

NEXT_PAGE = "(?s)SELECT .* > [1-9].* AS page"


@pytest.fixture
def long_list(start, proxy, database_url):
    """The URL of a list that takes several queries."""
    service = start(proxy.url)
    with autocommit(database_url) as connection:
        fill(connection, range(1, 1001), lines=5)
    return f"{service.url}/api/orders"


def test_a_lost_connection_does_not_interrupt_the_list(long_list, proxy):
    proxy.fault = Fault(NEXT_PAGE, times=3)
    assert [order["user_id"] for order in requests.get(long_list).json()] == list(range(1, 1001))
    assert proxy.fault.times == 0


def test_a_list_that_fails_midway_does_not_look_complete(long_list, proxy):
    proxy.fault = Fault(NEXT_PAGE, times=1, code=ER.QUERY_INTERRUPTED)
    with pytest.raises(ChunkedEncodingError):
        requests.get(long_list)


def test_a_list_that_fails_midway_is_invalid_json_for_an_http_1_0_client(long_list, proxy):
    """HTTP/1.0 has no chunks: the body ends with the connection."""
    proxy.fault = Fault(NEXT_PAGE, times=1, code=ER.QUERY_INTERRUPTED)
    url = urlsplit(long_list)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(f"GET {url.path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200")
    assert body.startswith(b'[{"id":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_a_list_that_fails_at_its_first_query_is_a_503(long_list, proxy):
    proxy.fault = Fault("(?s)SELECT .* AS page", times=1, code=ER.QUERY_INTERRUPTED)
    answer = requests.get(long_list)
    assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
