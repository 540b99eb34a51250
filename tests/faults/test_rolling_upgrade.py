"""Replicas of the release before go on serving while the database is migrated, and afterwards."""

import subprocess
import uuid

import pytest

import config
from tests.support.databases import autocommit
from tests.support.needs import MANY
from tests.support.orders import fill
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers
from tests.support.upgrades import upgrading

# The commit of the last release: move it on with each new one.
RELEASE_BEFORE = "97c73a1"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PART = '--{0}\r\nContent-Disposition: form-data; name="{1}"\r\n\r\n{2}\r\n'
PARTS = PART.format("{0}", "product_id", 5) + PART.format("{0}", "qty", 1) + "--{0}--\r\n"
# Requests that were the same to the release before: pairs of a Content-Type and a body.
SAME = {
    "form": [(FORM, "product_id=5&qty=1")] * 2,
    "JSON": [(JSON, '{"qty": 1, "product_id": "5"}')] * 2,
    "multipart": [(f"multipart/form-data; boundary={b}", PARTS.format(b)) for b in ("a", "bc")],
}


@pytest.fixture
def database_url(new_database):
    return new_database


@pytest.fixture
def release_before(tmp_path):
    """The folder of the release's code, out of this repository's history."""
    archive = subprocess.run(
        ["git", "archive", RELEASE_BEFORE], cwd=config.ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.fail(
            f"{RELEASE_BEFORE} is not in this clone; `git fetch --unshallow` fetches all history:"
            f" {archive.stderr.decode()}"
        )
    folder = tmp_path / "release-before"
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


@pytest.fixture
def start_old(start, database_url, release_before):
    return lambda **settings: start(database_url, cwd=release_before, **settings)


@pytest.fixture
def upgrade(database_url, tmp_path):
    def upgrade():
        with upgrading(database_url, tmp_path) as process:
            assert process.wait() == 0, process.log

    return upgrade


@pytest.mark.parametrize("trial", range(2 if MANY else 1))
def test_a_rolling_upgrade_fails_no_request(
    trial, start_old, start, upgrade, database_url, users, report
):
    others = range(1000, 2000)
    shoppers = Shoppers([start_old().url for _ in range(2)], users)
    # 97c73a1 may answer 503 if first requests to a new SQLite file come at once: send one alone.
    Shopper(shoppers.urls[0], users[0]).cart()
    with autocommit(database_url) as database:
        fill(database, others, lines=3)
    with shoppers.at_work():
        shoppers.await_more(200, 50)
        upgrade()
        shoppers.await_more(200, 50)
        shoppers.urls += [start(database_url).url for _ in range(2)]
        shoppers.await_more(200, 200)
    assert set(shoppers.statuses) <= {200, 404}
    shoppers.added.update((user, product) for user in others for product in (1, 2, 3))
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    found = (
        f"{dict(shoppers.statuses)}, nothing lost or doubled in {len(others) + len(users)} carts"
    )
    report("rolling upgrade", 1, database_url, found)


@pytest.fixture
def releases(start_old, start, database_url, users):
    """A user at an instance of each release, on one database that the newer one has migrated."""
    before = Shopper(start_old().url, users[0])
    return before, Shopper(start(database_url).url, users[0])


@pytest.mark.parametrize("same", SAME)
def test_a_key_used_at_one_release_is_answered_from_memory_by_the_other(releases, same):
    one, other = SAME[same]
    for first, second in [releases, releases[::-1]]:
        key = str(uuid.uuid4())
        answer = add_as(first, key, *one)
        assert answer.status_code == 200
        assert is_replay(answer, add_as(second, key, *other))
        assert is_replay(answer, add_as(first, key, *other))
    assert [shopper.quantity() for shopper in releases] == [2, 2]


def test_a_key_stands_for_its_meaning_beside_the_release_before(releases):
    _, shopper = releases
    answer = add_as(shopper, "key", JSON, '{"product_id": 5, "qty": 1}')
    again = add_as(shopper, "key", JSON, '{"qty": 1.0, "product_id": "5"}')
    assert is_replay(answer, again)
    assert again.headers["ETag"] == answer.headers["ETag"]


def test_a_412_is_replayed_by_the_release_before(releases):
    before, after = releases
    headers = {"Idempotency-Key": "key", "If-Match": "*"}
    answer, again = (s.send("POST", "/checkout", headers=headers) for s in (after, before))
    assert answer.status_code == 412
    assert is_replay(answer, again)


def add_as(shopper, key, content_type, body):
    headers = {"Idempotency-Key": key, "Content-Type": content_type}
    return shopper.send("POST", "/add-item", body, headers)


def is_replay(first, again):
    assert "Idempotent-Replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content), again.text
    return again.headers["Idempotent-Replayed"] == "true"


def test_the_release_before_restarts_on_the_newer_database_if_it_need_not_migrate(
    start_old, upgrade, users
):
    upgrade()
    shopper = Shopper(start_old(MIGRATE_ON_START="false").url, users[0])
    assert shopper.add().status_code == 200
