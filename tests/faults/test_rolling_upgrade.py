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
RELEASE_BEFORE = "faed1cf"


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
    # Lines that were added before the migration have rounded times, so they may change places.
    assert shoppers.check(database_url, arrange=sorted) == {"lost": 0, "doubled": 0}
    found = (
        f"{dict(shoppers.statuses)}, nothing lost or doubled in {len(others) + len(users)} carts"
    )
    report("rolling upgrade", 1, database_url, found)


def test_a_key_used_at_one_release_is_answered_from_memory_by_the_other(
    start_old, start, database_url, users
):
    before = Shopper(start_old().url, users[0])
    after = Shopper(start(database_url).url, users[0])  # it migrates
    for one, other in [(before, after), (after, before)]:
        key = str(uuid.uuid4())
        first, again = one.add(key), other.add(key)
        assert (again.status_code, again.content) == (200, first.content)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
    assert [before.quantity(), after.quantity()] == [2, 2]


def test_the_release_before_restarts_on_the_newer_database_if_it_need_not_migrate(
    start_old, upgrade, users
):
    upgrade()
    shopper = Shopper(start_old(MIGRATE_ON_START="false").url, users[0])
    assert shopper.add().status_code == 200
