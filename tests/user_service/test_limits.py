"""The client of user-service: its timeout, its cache and its limit of parallel calls."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

import pytest

from application.order_api.bounded_get import MAX_CALLS
from application.order_api.user_client import User, UserClient, UserServiceUnavailable
from tests.support.processes import until

TIMEOUT = 30  # seconds: enough on a slow machine
IMPATIENCE = 0.4  # seconds, for a user-service that does not answer in time


@pytest.fixture
def over():
    """Set when the test ends: what user-service still does must end, too."""
    over = Event()
    yield over
    over.set()


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.0 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
        (b"HTTP/1.0 200 OK\r\n\r\n", b" "),
    ],
)
def test_the_timeout_is_for_the_whole_call(user_service, over, beginning, drop):
    def drip(handler):
        handler.wfile.write(beginning)
        for _ in range(600):  # for 30 seconds, or until the test ends
            handler.wfile.write(drop)
            if over.wait(0.05):
                break

    user_service.answer = drip
    began = time.monotonic()
    with pytest.raises(UserServiceUnavailable):
        UserClient(user_service.url, IMPATIENCE).get_user("key")
    assert time.monotonic() - began < 10


def test_a_server_that_accepts_but_does_not_answer_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = UserClient(f"http://127.0.0.1:{silent.getsockname()[1]}", IMPATIENCE)
        with pytest.raises(UserServiceUnavailable, match=r"^TimeoutError$"):
            client.get_user("key")


def test_the_reason_of_a_failure_is_that_of_the_last_try():
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"result": {"id": 1}}'
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        client = UserClient(f"http://127.0.0.1:{server.getsockname()[1]}", TIMEOUT)
        served = thread.submit(client.get_user, "key")
        connection, _ = server.accept()
        connection.recv(4096)
        connection.sendall(answer)
        assert served.result().id == 1
        refused = thread.submit(client.get_user, "key")  # on the kept connection
        connection.recv(4096)
        server.close()
        connection.close()
        assert "Connection refused" in str(refused.exception())


def test_a_server_that_is_down_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UserServiceUnavailable, match=r"ConnectionError: .* Connection refused"):
        UserClient(f"http://127.0.0.1:{port}", TIMEOUT).get_user("key")


def test_the_reason_of_a_failure_never_quotes_an_answer(user_service):
    """It might repeat the request: what answers may be no user-service."""

    def echo(handler):
        handler.wfile.write(f"Authorization: {handler.headers['Authorization']}\r\n".encode())

    user_service.answer = echo
    with pytest.raises(UserServiceUnavailable) as failure:
        UserClient(user_service.url, TIMEOUT).get_user("secret")
    assert str(failure.value) == "ConnectionError"


def test_known_keys_are_cached_and_unknown_keys_are_not(user_service, user):
    client = UserClient(user_service.url, TIMEOUT, cache_ttl=600)
    for _ in range(3):
        assert client.get_user(user["api_key"])
        assert client.get_user("nobody's") is None
    assert [key for key, _ in user_service.asked] == [user["api_key"], *["nobody's"] * 3]


def test_a_revoked_key_is_refused_once_its_cache_entry_expires(user_service, user):
    client = UserClient(user_service.url, TIMEOUT, cache_ttl=0.05)
    assert client.get_user(user["api_key"])
    del user_service.users[user["api_key"]]
    until(lambda: client.get_user(user["api_key"]) is None)


def test_the_cache_holds_no_api_key(user_service):
    user = user_service.add("jane", api_key="secret-key")
    client = UserClient(user_service.url, TIMEOUT, cache_ttl=600)
    client.get_user("secret-key")
    in_memory = repr(vars(client))
    assert repr(User(user["id"], False)) in in_memory
    assert "secret-key" not in in_memory


def refusal(client, key):
    """Return how many seconds it took to refuse a caller because others are waiting."""
    began = time.monotonic()
    with pytest.raises(UserServiceUnavailable, match="too many"):
        client.get_user(key)
    return time.monotonic() - began


@pytest.mark.slow  # waits for timeouts
def test_a_few_calls_wait_for_a_hanging_server_and_the_others_are_refused_at_once(
    user_service, user, over
):
    client = UserClient(user_service.url, timeout=6, cache_ttl=600)
    assert client.get_user(user["api_key"])

    def hang(handler):
        over.wait(60)
        handler.send(200, {"result": user})

    user_service.reset()
    user_service.answer = hang
    with ThreadPoolExecutor(MAX_CALLS + 4) as threads:
        try:
            ended = as_completed(
                [threads.submit(client.get_user, f"key{n}") for n in range(MAX_CALLS + 4)]
            )
            assert all("too many" in str(next(ended).exception()) for _ in range(4))
            waits = [refusal(client, f"late{n}") for n in range(3)]
            assert min(waits) < 1  # the first four waited for three seconds
            assert client.get_user(user["api_key"])
            assert len(user_service.asked) == MAX_CALLS
        finally:
            over.set()
        assert [call.result().id for call in ended] == [user["id"]] * MAX_CALLS
