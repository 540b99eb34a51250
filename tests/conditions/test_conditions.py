"""Conditional changes of a cart: If-Match and If-None-Match of a POST, on every engine."""

import pytest

from tests.support.api import ADD, CHECKOUT, CLEAR, REMOVE, UPDATE, add, checkout, show
from tests.support.cart_model import foreseen
from tests.support.idempotency import is_replay_of, stored_keys

ITEM = {"product_id": 5, "qty": 2}
POSTS = [(ADD, ITEM), (UPDATE, ITEM), (REMOVE, {"product_id": 5}), (CLEAR, None), (CHECKOUT, None)]
CHANGED = {"message": "The order has changed"}
every_post = pytest.mark.parametrize(("path", "body"), POSTS)


@pytest.fixture
def post(client, login):
    def post(path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(path, data=body, headers=login | headers)

    return post


@pytest.fixture
def seen(client, login):
    """The answer that shows a cart of one line."""
    return add(client, login, 5)


@every_post
@pytest.mark.parametrize("form", ["{}", '"1-0", {}', '"a,b",{}', "*"])
def test_the_order_that_the_caller_has_seen_is_changed(client, seen, post, path, body, form):
    answer = post(path, body, If_Match=form.format(seen.headers["ETag"]))
    assert answer.status_code == 200
    assert answer.headers["ETag"] != seen.headers["ETag"]
    assert client.get("/api/orders").json == [answer.json["result"]]


@every_post
@pytest.mark.parametrize("form", ["W/{}", '"1-0"', '"1-0", W/{}', "", ",", '"*"', "W/*"])
def test_another_order_is_left_as_it_is(client, login, seen, post, path, body, form):
    answer = post(path, body, If_Match=form.format(seen.headers["ETag"]))
    assert (answer.status_code, answer.json) == (412, CHANGED)
    assert show(client, login).json == seen.json


@every_post
def test_an_order_that_has_changed_is_left_as_it_is(client, login, seen, post, path, body):
    now = add(client, login, 6)
    answer = post(path, body, If_Match=seen.headers["ETag"])
    assert (answer.status_code, answer.json) == (412, CHANGED)
    assert show(client, login).json == now.json


@every_post
@pytest.mark.parametrize("tag", ["*", '"1-1"'])
def test_without_an_open_order_no_condition_holds(client, post, path, body, tag):
    answer = post(path, body, If_Match=tag)
    assert (answer.status_code, answer.json) == (412, CHANGED)
    assert client.get("/api/orders").json == []


@every_post
def test_a_closed_order_is_no_match(client, login, seen, post, path, body):
    closed = checkout(client, login)
    for answer in (seen, closed):
        assert post(path, body, If_Match=answer.headers["ETag"]).status_code == 412
    assert client.get("/api/orders").json == [closed.json["result"]]


@every_post
def test_if_none_match_excludes_the_open_order(client, login, seen, post, path, body):
    """As RFC 9110, section 13.1.2, demands of every method."""
    for tag in ("*", seen.headers["ETag"]):
        answer = post(path, body, If_None_Match=tag)
        assert answer.status_code == 412
        assert answer.json == {"message": "If-None-Match excludes the open order"}
    assert show(client, login).json == seen.json
    soon = foreseen(seen.headers["ETag"]).replace('-1"', '-2"')
    answer = post(path, body, If_None_Match=soon)
    assert (answer.status_code, foreseen(answer.headers["ETag"])) == (200, soon)


@pytest.mark.parametrize(("path", "body"), [(ADD, {"product_id": 5}), (UPDATE, {}), (REMOVE, {})])
def test_a_bad_field_is_named_whatever_the_condition(seen, post, path, body):
    assert post(path, body, If_Match='"1-0"').status_code == 400


@every_post
@pytest.mark.usefixtures("seen")
def test_a_412_is_replayed_even_if_the_condition_holds_by_now(app, client, login, post, path, body):
    first = post(path, body, If_None_Match="*", Idempotency_Key="k")
    assert first.status_code == 412
    checkout(client, login)
    assert is_replay_of(first, post(path, body, If_None_Match="*", Idempotency_Key="k"))
    assert show(client, login).json == {"message": "No order found"}
    assert stored_keys(app) == 1


@every_post
def test_a_replay_has_the_first_answer_s_etag(client, login, seen, post, path, body):
    headers = {"If_Match": seen.headers["ETag"], "Idempotency_Key": "k"}
    first = post(path, body, **headers)
    add(client, login, 6)
    again = post(path, body, **headers)
    assert is_replay_of(first, again)
    assert again.headers["ETag"] == first.headers["ETag"]
