"""ETags, and orders that are not sent to callers who have them, on every engine."""

import pytest

from tests.support.api import add, checkout, remove, show


@pytest.fixture
def seen(client, login):
    """The answer that shows a cart of one line."""
    return add(client, login, 5)


def path_of(answer):
    return f"/api/order/{answer.json['result']['id']}"


def test_all_answers_that_show_the_order_have_the_same_etag(client, login, seen):
    for path in ("/api/order", path_of(seen)):
        assert client.get(path, headers=login).headers["ETag"] == seen.headers["ETag"]
        assert client.head(path, headers=login).headers["ETag"] == seen.headers["ETag"]
    closed = checkout(client, login)
    assert closed.headers["ETag"] != seen.headers["ETag"]
    assert client.get(path_of(seen), headers=login).headers["ETag"] == closed.headers["ETag"]


def test_what_changes_nothing_leaves_the_etag(client, login, seen):
    remove(client, login, 9)
    add(client, login, 5, 0)
    checkout(client, login | {"If-Match": '"1-0"'})
    assert show(client, login).headers["ETag"] == seen.headers["ETag"]


def test_an_answer_without_an_order_has_no_etag(client, login):
    for answer in (show(client, login), checkout(client, login), client.get("/api/orders")):
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("form", ["{}", "W/{}", '"1-1", {}', '"a,b" , {} ,', "*"])
def test_an_order_that_the_caller_has_is_not_sent_again(client, login, seen, form):
    headers = login | {"If-None-Match": form.format(seen.headers["ETag"])}
    for path in ("/api/order", path_of(seen)):
        for method in ("GET", "HEAD"):
            answer = client.open(path, method=method, headers=headers)
            assert (answer.status_code, answer.data) == (304, b"")
            assert answer.headers["ETag"] == seen.headers["ETag"]
            assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("form", ['"{0}-2"', '"1{0}-1"', "", '"{0}"', '"{0}-1', '"*"'])
def test_an_order_that_the_caller_has_not_is_sent(client, login, seen, form):
    headers = login | {"If-None-Match": form.format(seen.json["result"]["id"])}
    for path in ("/api/order", path_of(seen)):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json) == (200, seen.json)


@pytest.mark.parametrize(("form", "status"), [("{}", 200), ("*", 200), ("W/{}", 412), ("", 412)])
def test_if_match_of_a_get_is_decided_too(client, login, seen, form, status):
    """As RFC 9110, section 13.1.1, demands of every method."""
    headers = login | {"If-Match": form.format(seen.headers["ETag"])}
    for path in ("/api/order", path_of(seen)):
        assert client.get(path, headers=headers).status_code == status


def test_a_user_without_an_order_gets_the_message_whatever_the_caller_has(client, login):
    answer = client.get("/api/order", headers=login | {"If-None-Match": "*"})
    assert (answer.status_code, answer.json) == (200, {"message": "No order found"})
