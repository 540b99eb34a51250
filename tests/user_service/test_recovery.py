"""The client of user-service, after user-service was slow or down."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from application.order_api.bounded_get import MAX_CALLS
from application.order_api.user_client import UserClient, UserServiceUnavailable
from demo.user_service import UserService
from tests.support.processes import free_port, until

pytestmark = pytest.mark.slow  # waits for timeouts

DRIPS = 30  # seconds


@pytest.mark.parametrize("headers", [b"Content-Length: 1000\r\n", b""])
def test_bodies_that_drip_give_their_threads_back(user_service, user, headers):
    def drip(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n" + headers + b"\r\n")
        end = time.monotonic() + DRIPS
        while time.monotonic() < end:  # or until the client hangs up
            handler.wfile.write(b" ")
            time.sleep(0.05)

    def answered():
        with suppress(UserServiceUnavailable):
            return client.get_user(user["api_key"])

    user_service.answer = drip
    client = UserClient(user_service.url, timeout=1)
    with ThreadPoolExecutor(MAX_CALLS) as threads:
        calls = [threads.submit(client.get_user, f"key{n}") for n in range(MAX_CALLS)]
    assert {type(call.exception()) for call in calls} == {UserServiceUnavailable}
    user_service.reset()
    began = time.monotonic()
    assert until(answered).id == user["id"]
    assert time.monotonic() - began < DRIPS / 2


def test_refused_connections_do_not_count_as_silence():
    """Callers wait for a slow user-service that has just started as they do for any other."""
    timeout, port = 6, free_port()
    client = UserClient(f"http://127.0.0.1:{port}", timeout)
    began = time.monotonic()
    while time.monotonic() < began + timeout / 2:
        with pytest.raises(UserServiceUnavailable, match="ConnectionError"):
            client.get_user("key")
    with UserService(("127.0.0.1", port)).start() as server:
        try:
            assert_all_are_served(client, server)
        finally:
            server.shutdown()


def test_calls_that_have_ended_without_an_answer_do_not_count_as_silence(user_service):
    """Probes of a slow user-service give up early; callers must not be refused because of them."""
    timeout = 6
    client, began = UserClient(user_service.url, timeout), time.monotonic()
    user_service.answer = slowly
    while time.monotonic() < began + timeout / 2:
        with pytest.raises(UserServiceUnavailable):
            client.ping()
        time.sleep(0.1)  # probes come with pauses
    assert_all_are_served(client, user_service)


def slowly(handler):
    time.sleep(0.7)
    handler.send(200, {"result": {"id": 1}})


def assert_all_are_served(client, server):
    """Let more callers than MAX_CALLS come at once, and user-service be slow."""
    server.answer = slowly
    with ThreadPoolExecutor(MAX_CALLS + 4) as threads:
        users = list(threads.map(client.get_user, map(str, range(MAX_CALLS + 4))))
    assert {user.id for user in users} == {1}
