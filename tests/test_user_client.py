"""What user-service may do to us, over real HTTP."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

import pytest

from application.order_api.user_client import MAX_CALLS, User, UserClient, UserServiceUnavailable

TIMEOUT = 0.4


@pytest.fixture
def asking(user_service):
    return UserClient(user_service.url, TIMEOUT)


def test_the_user_is_known_by_the_key_passed_on_verbatim(asking, user_service):
    user = user_service.add("jane", api_key="$5$r=5$a/b.c\xfc", is_admin=True)
    key = "Basic $5$r=5$a/b.c\xfc"
    assert asking.get_user(key) == User(user["id"], True)
    assert user_service.asked[0][0] == key


@pytest.mark.parametrize("key", ["", " ", "ключ", "a\nb: c", "a\x00", "\x7f"])
def test_what_cannot_be_a_header_value_is_nobodys_key(asking, user_service, key):
    assert asking.get_user(key) is None
    assert user_service.asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_an_unknown_key_is_nobodys(asking, user_service, status):
    user_service.answer = lambda handler: handler.send(status, {"message": "Not logged in"})
    assert asking.get_user("key") is None


@pytest.mark.parametrize(
    "body",
    [
        {}, [], None, "user", {"result": None}, {"result": []}, {"result": {}},
        {"result": {"id": None}}, {"result": {"id": "1"}}, {"result": {"id": True}},
        {"result": {"id": 1.0}}, {"result": {"id": 0}}, {"result": {"id": -1}},
        {"result": {"id": 2**31}}, b"<html>", b"", b"\xff", b"[" * 60_000,
        b'{"result": {"id": 1}}' + b" " * 64 * 1024, b" " * 64 * 1024 * 1024,
    ],
    ids=lambda body: repr(body)[:30],
)  # fmt: skip
def test_an_answer_is_checked_before_it_is_believed(asking, user_service, body):
    user_service.answer = lambda handler: handler.send(200, body)
    with pytest.raises(UserServiceUnavailable):
        asking.get_user("key")


@pytest.mark.parametrize("status", [201, 204, 302, 307, 404, 429, 500, 503])
def test_any_other_status_is_no_answer_and_redirects_are_not_followed(asking, user_service, status):
    user_service.answer = lambda handler: handler.send(
        status, {"result": {"id": 1}}, Location="/api/user", **{"Retry-After": "3600"}
    )
    with pytest.raises(UserServiceUnavailable):
        asking.get_user("key")
    assert len(user_service.asked) == 1


def drip(handler, beginning, drop):
    handler.wfile.write(beginning)
    while True:  # until the client hangs up
        handler.wfile.write(drop)
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.0 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
        (b"HTTP/1.0 200 OK\r\n\r\n", b" "),
    ],
)
def test_the_timeout_counts_for_the_whole_call(asking, user_service, beginning, drop):
    user_service.answer = lambda handler: drip(handler, beginning, drop)
    started = time.monotonic()
    with pytest.raises(UserServiceUnavailable):
        asking.get_user("key")
    assert time.monotonic() - started < 3 * TIMEOUT


def test_one_that_accepts_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = UserClient(f"http://127.0.0.1:{silent.getsockname()[1]}", TIMEOUT)
        with pytest.raises(UserServiceUnavailable):
            client.get_user("key")


def test_one_that_is_down_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UserServiceUnavailable):
        UserClient(f"http://127.0.0.1:{port}", TIMEOUT).get_user("key")


def test_netrc_and_proxies_of_the_environment_are_ignored(
    user_service, user, tmp_path, monkeypatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert UserClient(user_service.url, TIMEOUT).get_user(user["api_key"]).id == user["id"]


def test_connections_are_kept_where_the_server_allows_it(asking, user_service, user, monkeypatch):
    monkeypatch.setattr(user_service.RequestHandlerClass, "protocol_version", "HTTP/1.1")
    for _ in range(5):
        assert asking.get_user(user["api_key"])
    assert user_service.connections == 1
    monkeypatch.undo()
    asking.get_user(user["api_key"])  # closes it


def test_a_kept_connection_that_the_server_closes_goes_unnoticed(asking, user_service, user):
    calls = []

    def hang_up_first(handler):
        calls.append(handler)
        if len(calls) > 1:
            handler.send(200, {"result": user})

    user_service.answer = hang_up_first
    assert asking.get_user("key").id == user["id"]


def test_only_good_answers_are_remembered_and_only_for_their_time(user_service, user):
    client = UserClient(user_service.url, TIMEOUT, cache_ttl=60)
    for _ in range(3):
        assert client.get_user(user["api_key"])
        assert client.get_user("nobody's") is None
    assert [key for key, _ in user_service.asked] == [user["api_key"], *["nobody's"] * 3]


def test_a_revoked_key_is_refused_after_the_cache_s_time(user_service, user):
    client = UserClient(user_service.url, TIMEOUT, cache_ttl=0.05)
    assert client.get_user(user["api_key"])
    del user_service.users[user["api_key"]]
    until = time.monotonic() + 5
    while client.get_user(user["api_key"]) and time.monotonic() < until:
        pass
    assert client.get_user(user["api_key"]) is None


def test_a_few_calls_wait_for_one_that_hangs_and_the_others_go_on(user_service, user):
    client = UserClient(user_service.url, timeout=2, cache_ttl=60)
    assert client.get_user(user["api_key"])
    released = Event()

    def hang(handler):
        released.wait(5)
        handler.send(200, {"result": user})

    user_service.reset()
    user_service.answer = hang
    with ThreadPoolExecutor(MAX_CALLS + 4) as threads:
        ended = as_completed(
            [threads.submit(client.get_user, f"key{n}") for n in range(MAX_CALLS + 4)]
        )
        assert all("too many" in str(next(ended).exception()) for _ in range(4))
        with pytest.raises(UserServiceUnavailable, match="too many"):
            client.get_user("late")
        assert client.get_user(user["api_key"])
        assert len(user_service.asked) == MAX_CALLS
        released.set()
        assert [call.result().id for call in ended] == [user["id"]] * MAX_CALLS


def test_the_url_may_have_a_path(user_service, user):
    def answer(path):
        return UserClient(user_service.url + path, TIMEOUT).get_user(user["api_key"])

    assert answer("/")
    with pytest.raises(UserServiceUnavailable):
        answer("/users")
