"""The header Idempotency-Key, on every engine."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import func, insert, select, update

from application import database, db
from application.models import OrderItem, utcnow
from application.order_api import idempotency
from application.order_api.idempotency import IdempotencyKey
from tests.conftest import ENGINES, application_on

ADD, CHECKOUT = "/api/order/add-item", "/api/order/checkout"
ITEM = {"product_id": 5, "qty": 2}
mysql_only = pytest.mark.parametrize("engine_name", ENGINES[1:], indirect=True, scope="session")


@pytest.fixture
def post(client, login):
    """Send a POST of the user's with a key."""

    def post(path, body=None, key="first", **options):
        headers = login | {"Idempotency-Key": key}
        return client.post(path, data=body, headers=headers, **options)

    return post


def quantities(client):
    return [item["quantity"] for order in client.get("/api/orders").json for item in order["items"]]


def kept(app):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(IdempotencyKey))


def digest(key):
    return sha256(key.encode()).hexdigest()


def is_repeat_of(first, answer):
    return (
        (answer.status_code, answer.data) == (first.status_code, first.data)
        and answer.content_type == first.content_type
        and "Idempotent-Replayed" not in first.headers
        and answer.headers["Idempotent-Replayed"] == "true"
    )


def test_without_the_header_nothing_is_kept(app, client, login):
    for _ in range(2):
        client.post(ADD, data=ITEM, headers=login)
    assert quantities(client) == [4]
    assert kept(app) == 0


def test_the_same_request_again_has_the_first_answer_and_no_effect(app, client, post):
    first = post(ADD, ITEM)
    post(ADD, ITEM, key="second")
    assert is_repeat_of(first, post(ADD, ITEM))
    assert quantities(client) == [4]
    assert kept(app) == 2


def test_a_checkout_again_leaves_the_next_cart_open(client, post):
    post(ADD, ITEM, key="a")
    first = post(CHECKOUT)
    post(ADD, ITEM, key="b")
    assert is_repeat_of(first, post(CHECKOUT))
    assert [order["is_open"] for order in client.get("/api/orders").json] == [False, True]


def test_nothing_to_check_out_is_an_outcome_too(client, post):
    first = post(CHECKOUT)
    assert first.status_code == 404
    post(ADD, ITEM, key="b")
    assert is_repeat_of(first, post(CHECKOUT))


@pytest.mark.parametrize(("path", "body"), [(ADD, ITEM | {"qty": 3}), (CHECKOUT, ITEM), (ADD, {})])
def test_a_key_stands_for_one_request_only(client, post, path, body):
    post(ADD, ITEM)
    answer = post(path, body)
    assert answer.status_code == 422
    assert answer.json == {"message": "Idempotency-Key has been used for another request"}
    assert quantities(client) == [2]


def test_a_multipart_form_is_the_same_in_spite_of_its_boundary(client, post):
    forms = [
        f'--{b}\r\nContent-Disposition: form-data; name="product_id"\r\n\r\n5\r\n'
        f'--{b}\r\nContent-Disposition: form-data; name="qty"\r\n\r\n2\r\n--{b}--\r\n'
        for b in ("one", "another")
    ]
    first, second = (
        post(ADD, form, content_type=f"multipart/form-data; boundary={boundary}")
        for form, boundary in zip(forms, ("one", "another"), strict=True)
    )
    assert is_repeat_of(first, second)
    assert quantities(client) == [2]


def test_what_is_no_boundary_counts(client, post):
    kind = {"content_type": "application/x-www-form-urlencoded; boundary=1"}
    post(ADD, "product_id=5&qty=2", **kind)
    assert post(ADD, "product_id=5&qty=21", **kind).status_code == 422
    assert quantities(client) == [2]


def test_every_user_has_keys_of_their_own(client, post, user_service):
    post(ADD, ITEM)
    other = {"Authorization": user_service.add("other")["api_key"], "Idempotency-Key": "first"}
    answer = client.post(ADD, data=ITEM, headers=other)
    assert "Idempotent-Replayed" not in answer.headers
    assert quantities(client) == [2, 2]


@pytest.mark.parametrize("key", ["k", "K", "!~", '"8e03978e"', "x" * 255])
def test_a_key_is_visible_ascii_as_it_stands(client, post, key):
    post(ADD, ITEM, key=key.swapcase() + "x" if len(key) < 255 else "x" * 254)
    assert is_repeat_of(post(ADD, ITEM, key=key), post(ADD, ITEM, key=key))
    assert quantities(client) == [4]


@pytest.mark.parametrize("key", ["", "two words", "tab\there", "\xe9", "x" * 256])
def test_any_other_key_is_refused(client, post, key):
    answer = post(ADD, ITEM, key=key)
    message = "Idempotency-Key must be 1 to 255 visible ASCII characters"
    assert (answer.status_code, answer.json) == (400, {"message": message})
    assert quantities(client) == []


def test_bad_input_may_be_mended_under_the_same_key(app, client, post):
    assert post(ADD, {"product_id": 5}).status_code == 400
    post(ADD, ITEM | {"qty": 2**31 - 1}, key="full")
    assert post(ADD, ITEM).status_code == 400
    assert kept(app) == 1
    assert post(ADD, ITEM | {"product_id": 6}).status_code == 200


def test_failures_may_be_tried_again(app, client, post, user_service):
    user_service.answer = lambda handler: handler.send(500, {})
    assert post(ADD, ITEM).status_code == 503
    user_service.reset()
    answer = post(ADD, ITEM)
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer.headers
    assert quantities(client) == [2]


def test_the_key_is_nobodys_before_the_login(app, client):
    answer = client.post(ADD, data=ITEM, headers={"Idempotency-Key": "first"})
    assert answer.status_code == 401
    assert kept(app) == 0


def test_of_parallel_requests_with_one_key_one_is_the_first(app, client, login):
    headers = login | {"Idempotency-Key": "k"}

    def send(_):
        return app.test_client().post(ADD, data=ITEM, headers=headers)

    for count in range(1, 6):
        headers["Idempotency-Key"] = f"k{count}"
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(send, range(16)))
        assert Counter(answer.status_code for answer in answers) == {200: 16}
        assert len({answer.data for answer in answers}) == 1
        assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 15
        assert quantities(client) == [2 * count]


@mysql_only
def test_while_the_first_request_runs_the_second_is_told_to_wait(
    app, user, login, user_service, monkeypatch
):
    monkeypatch.setitem(database.MYSQL, "init_command", "SET SESSION innodb_lock_wait_timeout = 1")
    with app.app_context():
        first = db.engine.connect()
        url = db.engine.url
    row = {"user_id": user["id"], "key": digest("k"), "request": "", "body": ""}
    first.execute(insert(IdempotencyKey).values(row | {"status": 200, "date_added": utcnow()}))
    with first, application_on(url, USER_SERVICE_URL=user_service.url) as another:
        headers = login | {"Idempotency-Key": "k"}
        client = another.test_client()
        answer = client.post(ADD, data=ITEM, headers=headers)
        message = "The request with this Idempotency-Key is still running"
        assert (answer.status_code, answer.json) == (409, {"message": message})
        assert answer.headers["Retry-After"]
        first.rollback()
        assert client.post(ADD, data=ITEM, headers=headers).status_code == 200


def test_a_long_answer_is_kept_whole(app, client, post):
    order_id = post(ADD, ITEM, key="a").json["result"]["id"]
    with app.app_context(), db.engine.begin() as connection:
        lines = [{"order_id": order_id, "product_id": 1000 + n, "quantity": 1} for n in range(2000)]
        connection.execute(insert(OrderItem.__table__), lines)
    first = post(ADD, ITEM)
    assert len(first.data) > 2**16
    assert is_repeat_of(first, post(ADD, ITEM))


def test_old_answers_are_forgotten_and_young_ones_are_not(app, client, post, monkeypatch):
    monkeypatch.setattr(idempotency, "PRUNE_CHANCE", 1.1)
    first = post(ADD, ITEM, key="old")
    post(ADD, ITEM, key="young").close()
    assert kept(app) == 2
    with app.app_context(), db.engine.begin() as connection:
        almost, over = (utcnow() - timedelta(days=1, seconds=s) for s in (-60, 60))
        for key, date in (("old", over), ("young", almost)):
            old = IdempotencyKey.key == digest(key)
            connection.execute(update(IdempotencyKey).where(old).values(date_added=date))
    assert is_repeat_of(first, post(ADD, ITEM, key="old"))  # as long as it is there
    post(ADD, ITEM, key="new").close()
    assert kept(app) == 2
    assert "Idempotent-Replayed" in post(ADD, ITEM, key="young").headers
    assert "Idempotent-Replayed" not in post(ADD, ITEM, key="old").headers
