"""The client of user-service, over real HTTP: what it sends and which answers it accepts."""

import pytest

from application.order_api.bounded_get import MAX_CALLS
from application.order_api.user_client import User, UserClient, UserServiceUnavailable

TIMEOUT = 30  # seconds: enough on a slow machine


@pytest.fixture
def user_client(user_service):
    return UserClient(user_service.url, TIMEOUT)


def test_the_key_is_passed_on_verbatim_and_gives_the_user(user_client, user_service):
    user = user_service.add("jane", api_key="$5$r=5$a/b.c\xfc", is_admin=True)
    key = "Basic $5$r=5$a/b.c\xfc"
    assert user_client.get_user(key) == User(user["id"], True)
    assert user_service.asked[0][0] == key


@pytest.mark.parametrize("key", ["", " ", "ключ", "a\nb: c", "a\x00", "\x7f"])
def test_a_key_that_cannot_be_a_header_value_is_never_sent(user_client, user_service, key):
    assert user_client.get_user(key) is None
    assert user_service.asked == []


@pytest.mark.parametrize("first", ["\x85", "\xa0"])
def test_a_key_that_the_http_library_does_not_send_is_nobody_s(user_client, user_service, first):
    """It takes these bytes for white space."""
    assert user_client.get_user(f"{first}key") is None
    assert user_service.asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_mean_an_unknown_key(user_client, user_service, status):
    user_service.answer = lambda handler: handler.send(status, {"message": "Not logged in"})
    assert user_client.get_user("key") is None


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
def test_an_answer_without_a_valid_user_is_rejected(user_client, user_service, body):
    user_service.answer = lambda handler: handler.send(200, body)
    with pytest.raises(UserServiceUnavailable):
        user_client.get_user("key")


@pytest.mark.parametrize("status", [201, 204, 302, 307, 404, 429, 500, 503])
def test_any_other_status_means_unavailable_and_redirects_are_not_followed(
    user_client, user_service, status
):
    user_service.answer = lambda handler: handler.send(
        status, {"result": {"id": 1}}, Location="/api/user", **{"Retry-After": "3600"}
    )
    with pytest.raises(UserServiceUnavailable):
        user_client.get_user("key")
    assert len(user_service.asked) == 1


def test_netrc_and_proxies_of_the_environment_are_ignored(
    user_service, user, tmp_path, monkeypatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert UserClient(user_service.url, TIMEOUT).get_user(user["api_key"]).id == user["id"]


def test_cookies_are_never_sent_back(user_client, user_service, user):
    """One user's cookie with another's key: user-service would take the user of the cookie."""
    cookie = {"Set-Cookie": "session=of-the-first; Path=/"}
    user_service.answer = lambda handler: handler.send(200, {"result": user}, **cookie)
    for number in range(2 * MAX_CALLS):  # more than threads, so that sessions are used again
        assert user_client.get_user(f"key{number}")
    assert len(user_service.asked) == 2 * MAX_CALLS
    assert not [headers for _, headers in user_service.asked if "Cookie" in headers]


def test_it_asks_for_json_and_sends_the_headers_that_it_is_given(user_client, user_service):
    user_client.get_user("key", {"X-Request-ID": "7"})
    headers = user_service.asked[0][1]
    assert (headers["Accept"], headers["X-Request-ID"]) == ("application/json", "7")


def test_connections_are_reused_if_the_server_allows_it(
    user_client, user_service, user, monkeypatch
):
    monkeypatch.setattr(user_service.RequestHandlerClass, "protocol_version", "HTTP/1.1")
    for _ in range(4 * MAX_CALLS):
        assert user_client.get_user(user["api_key"])
    assert user_service.connections <= MAX_CALLS  # at most one of each thread


def test_a_request_is_sent_again_if_the_server_closed_the_kept_connection(
    user_client, user_service, user
):
    calls = []

    def hang_up_first(handler):
        calls.append(handler)
        if len(calls) > 1:
            handler.send(200, {"result": user})

    user_service.answer = hang_up_first
    assert user_client.get_user("key").id == user["id"]


def test_the_url_may_have_a_path(user_service, user):
    def answer(path):
        return UserClient(user_service.url + path, TIMEOUT).get_user(user["api_key"])

    assert answer("/")
    with pytest.raises(UserServiceUnavailable):
        answer("/users")
