"""How keys and their answers are stored: under parallel requests, for a day, in any length."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event, insert, update

from application.models import IdempotencyKey, OrderItem, utcnow
from tests.support.api import add, quantities, statuses
from tests.support.databases import application_on, engines_of, execute, mysql_only
from tests.support.idempotency import digest, is_replay_of, stored_keys
from tests.support.insides import PRUNE_CHANCE, PRUNE_LIMIT


@pytest.fixture
def post(client, login):
    """Add an item with a key."""
    return lambda key: add(client, login | {"Idempotency-Key": key})


def set_age(app, key, age):
    """Make a stored key as old as ``age``."""
    row = IdempotencyKey.key == digest(key)
    with app.app_context():
        execute(update(IdempotencyKey).where(row).values(date_added=utcnow() - age))


def test_of_parallel_requests_with_one_key_only_one_has_an_effect(app, client, login):
    for count in range(1, 6):
        headers = login | {"Idempotency-Key": f"k{count}"}

        def send(_, headers=headers):
            return add(app.test_client(), headers)

        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(send, range(16)))
        assert statuses(answers) == {200: 16}
        assert len({answer.data for answer in answers}) == 1
        assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 15
        assert quantities(client) == [[count]]


@pytest.fixture
def another(app, user_service):
    """An application whose connections are all new."""
    with application_on(app.config["DATABASE_URL"], USER_SERVICE_URL=user_service.url) as another:
        yield another


@pytest.fixture
def running(app, user):
    """The transaction of a request with the key k, which has not ended."""
    row = {"user_id": user["id"], "key": digest("k"), "request": "", "body": "", "status": 200}
    engine, _ = engines_of(app)
    with engine.connect() as connection:
        connection.execute(insert(IdempotencyKey).values(row | {"date_added": utcnow()}))
        yield connection


@mysql_only
def test_while_the_first_request_runs_the_second_gets_409(another, login, running):
    headers = login | {"Idempotency-Key": "k"}
    answer = add(another.test_client(), headers)
    message = "The request with this Idempotency-Key has not ended yet"
    assert (answer.status_code, answer.json) == (409, {"message": message})
    assert answer.headers["Retry-After"]
    running.rollback()
    assert add(another.test_client(), headers).status_code == 200


@mysql_only
def test_the_second_request_waits_longer_than_for_a_lock(another, login, running):
    engine, _ = engines_of(another)
    event.listen(engine, "handle_error", lambda _: running.rollback())
    answer = add(another.test_client(), login | {"Idempotency-Key": "k"})
    assert not running.in_transaction()  # so the lock was not granted in time
    assert answer.status_code == 200


def test_a_long_answer_is_stored_whole(app, post):
    order_id = post("a").json["result"]["id"]
    with app.app_context():
        lines = [{"order_id": order_id, "product_id": 1000 + n, "quantity": 1} for n in range(2000)]
        execute(insert(OrderItem.__table__).values(lines))
    first = post("b")
    assert len(first.data) > 2**16
    assert is_replay_of(first, post("b"))


def test_an_answer_is_stored_for_a_day_and_deleted_some_time_later(app, post, monkeypatch):
    monkeypatch.setattr(*PRUNE_CHANCE, 1.1)
    first = post("old")
    post("young").close()
    assert stored_keys(app) == 2
    set_age(app, "old", timedelta(days=1, minutes=5))
    set_age(app, "young", timedelta(days=1, minutes=-5))
    assert is_replay_of(first, post("old"))  # it is not deleted yet
    post("new").close()
    assert stored_keys(app) == 2
    assert "Idempotent-Replayed" in post("young").headers
    assert "Idempotent-Replayed" not in post("old").headers


@mysql_only
def test_only_a_limited_number_of_expired_keys_is_deleted_at_once(app, post, monkeypatch):
    for number in range(5):
        post(f"k{number}")
        set_age(app, f"k{number}", timedelta(days=2))
    monkeypatch.setattr(*PRUNE_CHANCE, 1.1)
    monkeypatch.setattr(*PRUNE_LIMIT, 2)
    stored = []
    for number in range(3):
        post(f"new{number}").close()
        stored.append(stored_keys(app))
    assert stored == [4, 3, 3]  # 2, 2 and 1 are deleted


def test_a_command_deletes_all_expired_keys_and_no_other(app, post, monkeypatch):
    monkeypatch.setattr(*PRUNE_LIMIT, 2)
    for number in range(5):
        post(f"k{number}")
        set_age(app, f"k{number}", timedelta(days=2))
    post("young")
    prune = app.test_cli_runner().invoke(args=["keys", "prune"])
    assert (prune.exit_code, prune.output) == (0, "Expired idempotency keys deleted: 5\n")
    assert stored_keys(app) == 1
    assert "Idempotent-Replayed" in post("young").headers


def test_without_a_database_the_command_ends_with_one_line(without_database):
    prune = without_database.application.test_cli_runner().invoke(args=["keys", "prune"])
    assert prune.exit_code == 1
    assert re.fullmatch(r"Error: The database cannot be used: \(2003, .*\)\n", prune.output)
