"""SQLite on a disk that is full or read-only."""

import sqlite3
from contextlib import closing

import pytest
import requests

from tests.support.api import ADD, DATABASE_UNAVAILABLE, statuses
from tests.support.databases import migrate
from tests.support.disks import memory_disk, remount


@pytest.fixture
def disk(tmp_path):
    """A disk with a migrated database."""
    with memory_disk(tmp_path / "disk") as folder:
        migrate(f"sqlite:///{folder}/order.db")
        yield folder


@pytest.fixture
def service(disk, start):
    return start(f"sqlite:///{disk}/order.db", MIGRATE_ON_START="false")


@pytest.fixture
def send(service, user):
    def send(product_id):
        return requests.post(
            f"{service.url}{ADD}",
            {"product_id": product_id, "qty": 1},
            headers={"Authorization": user["api_key"], "Idempotency-Key": f"k{product_id}"},
            timeout=60,
        )

    return send


def check_file(disk):
    """Return SQLite's own verdict on the file, "ok", and its lines."""
    with closing(sqlite3.connect(disk / "order.db")) as connection:
        [(integrity,)] = connection.execute("PRAGMA integrity_check")
        rows = connection.execute("SELECT product_id, quantity FROM order_item ORDER BY id")
        return integrity, rows.fetchall()


def test_on_a_full_disk_adds_are_503_and_nothing_is_corrupted(disk, send, report):
    accepted, refused = [], []
    (disk / "ballast").write_bytes(b"x" * 600_000)
    while len(refused) < 20 and len(accepted) < 2000:
        answer = send(len(accepted) + 1)
        if answer.status_code == 200:
            accepted.append(answer)
        else:
            assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
            assert answer.headers["Retry-After"]
            refused.append(answer)
    assert len(refused) == 20
    (disk / "ballast").unlink()
    accepted.append(send(len(accepted) + 1))
    assert set(statuses(accepted)) == {200}
    integrity, lines = check_file(disk)
    assert (integrity, lines) == ("ok", [(number, 1) for number in range(1, len(accepted) + 1)])
    answers = dict(statuses(refused + accepted))
    found = f"{answers}, {len(lines)} adds stored, integrity {integrity}"
    report("disk full", len(refused), "sqlite", found)


def test_on_a_read_only_disk_adds_are_503_and_nothing_is_corrupted(disk, service, send, report):
    answers = [send(1)]
    service.kill()  # no file may be open for writing
    remount(disk, "ro")
    service.start()
    for _ in range(5):
        answer = send(2)
        assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
        answers.append(answer)
    service.kill()
    remount(disk, "rw,size=1m")
    service.start()
    answers.append(send(2))
    assert statuses(answers) == {200: 2, 503: 5}
    integrity, lines = check_file(disk)
    assert (integrity, lines) == ("ok", [(1, 1), (2, 1)])
    found = f"{dict(statuses(answers))}, {len(lines)} adds stored, integrity {integrity}"
    report("disk read-only", 5, "sqlite", found)
