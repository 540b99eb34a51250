"""The header Idempotency-Key, on every engine."""

import pytest

from tests.support.api import ADD, CHECKOUT, quantities
from tests.support.idempotency import is_replay_of, stored_keys

ITEM = {"product_id": 5, "qty": 2}


@pytest.fixture
def post(client, login):
    """Send a POST of the user's with a key."""

    def post(path, body=None, key="first", **options):
        headers = login | {"Idempotency-Key": key}
        return client.post(path, data=body, headers=headers, **options)

    return post


def test_without_the_header_nothing_is_stored(app, client, login):
    for _ in range(2):
        client.post(ADD, data=ITEM, headers=login)
    assert quantities(client) == [[4]]
    assert stored_keys(app) == 0


def test_a_repeated_request_gets_the_first_answer_and_has_no_effect(app, client, post):
    first = post(ADD, ITEM)
    post(ADD, ITEM, key="second")
    assert is_replay_of(first, post(ADD, ITEM))
    assert quantities(client) == [[4]]
    assert stored_keys(app) == 2


def test_a_repeated_checkout_leaves_the_next_cart_open(client, post):
    post(ADD, ITEM, key="a")
    first = post(CHECKOUT)
    post(ADD, ITEM, key="b")
    assert is_replay_of(first, post(CHECKOUT))
    assert [order["is_open"] for order in client.get("/api/orders").json] == [False, True]


def test_a_404_is_replayed_too(client, post):
    first = post(CHECKOUT)
    assert first.status_code == 404
    post(ADD, ITEM, key="b")
    assert is_replay_of(first, post(CHECKOUT))


@pytest.mark.parametrize(("path", "body"), [(ADD, ITEM | {"qty": 3}), (CHECKOUT, ITEM), (ADD, {})])
def test_a_key_cannot_be_used_for_another_request(client, post, path, body):
    post(ADD, ITEM)
    answer = post(path, body)
    assert answer.status_code == 422
    assert answer.json == {"message": "Idempotency-Key has been used for another request"}
    assert quantities(client) == [[2]]


def test_multipart_forms_that_differ_only_in_their_boundary_are_the_same_request(client, post):
    forms = [
        f'--{b}\r\nContent-Disposition: form-data; name="product_id"\r\n\r\n5\r\n'
        f'--{b}\r\nContent-Disposition: form-data; name="qty"\r\n\r\n2\r\n--{b}--\r\n'
        for b in ("one", "another")
    ]
    first, second = (
        post(ADD, form, content_type=f"multipart/form-data; boundary={boundary}")
        for form, boundary in zip(forms, ("one", "another"), strict=True)
    )
    assert is_replay_of(first, second)
    assert quantities(client) == [[2]]


def test_a_boundary_in_another_kind_of_form_is_ignored(client, post):
    kind = {"content_type": "application/x-www-form-urlencoded; boundary=1"}
    post(ADD, "product_id=5&qty=2", **kind)
    assert post(ADD, "product_id=5&qty=21", **kind).status_code == 422
    assert quantities(client) == [[2]]


def test_two_users_may_use_the_same_key(client, post, user_service):
    post(ADD, ITEM)
    other = {"Authorization": user_service.add("other")["api_key"], "Idempotency-Key": "first"}
    answer = client.post(ADD, data=ITEM, headers=other)
    assert "Idempotent-Replayed" not in answer.headers
    assert quantities(client) == [[2], [2]]


@pytest.mark.parametrize("key", ["k", "K", "!~", '"8e03978e"', "x" * 255])
def test_a_key_is_visible_ascii_and_case_sensitive(client, post, key):
    post(ADD, ITEM, key=key.swapcase() + "x" if len(key) < 255 else "x" * 254)
    assert is_replay_of(post(ADD, ITEM, key=key), post(ADD, ITEM, key=key))
    assert quantities(client) == [[4]]


@pytest.mark.parametrize("key", ["", "two words", "tab\there", "\xe9", "x" * 256])
def test_other_keys_are_refused(client, post, key):
    answer = post(ADD, ITEM, key=key)
    message = "Idempotency-Key must be 1 to 255 visible ASCII characters"
    assert (answer.status_code, answer.json) == (400, {"message": message})
    assert quantities(client) == []


def test_a_400_is_not_stored_so_the_fixed_request_may_use_the_same_key(app, client, post):
    assert post(ADD, {"product_id": 5}).status_code == 400
    post(ADD, ITEM | {"qty": 2**31 - 1}, key="full")
    assert post(ADD, ITEM).status_code == 400
    assert stored_keys(app) == 1
    assert post(ADD, ITEM | {"product_id": 6}).status_code == 200


def test_a_5xx_is_not_stored_so_the_request_may_be_sent_again(app, client, post, user_service):
    user_service.answer = lambda handler: handler.send(500, {})
    assert post(ADD, ITEM).status_code == 503
    user_service.reset()
    answer = post(ADD, ITEM)
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer.headers
    assert quantities(client) == [[2]]


def test_without_a_login_no_key_is_stored(app, client):
    answer = client.post(ADD, data=ITEM, headers={"Idempotency-Key": "first"})
    assert answer.status_code == 401
    assert stored_keys(app) == 0
