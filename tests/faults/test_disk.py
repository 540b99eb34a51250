"""SQLite on a disk that is full, or read-only."""

import os
import sqlite3
import subprocess
from contextlib import closing

import pytest
import requests
from flask_migrate import upgrade

from tests.conftest import application_on

UNAVAILABLE = {"message": "Database unavailable"}


def mount(*arguments):
    subprocess.run(["mount", "-t", "tmpfs", *arguments], check=True)


@pytest.fixture
def disk(tmp_path):
    """A disk of 1 MiB."""
    if os.geteuid():
        pytest.skip("only root may mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-o", "size=1m", "tmpfs", folder)
    with application_on(f"sqlite:///{folder}/order.db") as app, app.app_context():
        upgrade()
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def service(disk, start):
    return start(f"sqlite:///{disk}/order.db", MIGRATE_ON_START="false")


@pytest.fixture
def send(service, user):
    def send(product_id):
        return requests.post(
            f"{service.url}/api/order/add-item",
            {"product_id": product_id, "qty": 1},
            headers={"Authorization": user["api_key"], "Idempotency-Key": f"k{product_id}"},
            timeout=20,
        )

    return send


def stored(disk):
    """The stored lines of a file that is whole."""
    with closing(sqlite3.connect(disk / "order.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT product_id, quantity FROM order_item ORDER BY id")
        return rows.fetchall()


def test_a_full_disk_is_told_and_nothing_is_corrupted(disk, send, report):
    accepted, refused = 0, 0
    (disk / "ballast").write_bytes(b"x" * 600_000)
    while refused < 20 and accepted < 2000:
        answer = send(accepted + 1)
        if answer.status_code == 200:
            accepted += 1
        else:
            assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
            assert answer.headers["Retry-After"]
            refused += 1
    assert refused == 20
    (disk / "ballast").unlink()
    assert send(accepted + 1).status_code == 200
    assert stored(disk) == [(product_id, 1) for product_id in range(1, accepted + 2)]
    found = f"503, then 200 again: {accepted + 1} adds, 0 lost, 0 doubled, file whole"
    report("disk full", refused, "sqlite", found)


def test_a_read_only_disk_is_told_and_nothing_is_corrupted(disk, service, send, report):
    assert send(1).status_code == 200
    service.kill()  # no file may be open for writing
    mount("-o", "remount,ro", disk)
    service.start()
    for _ in range(5):
        answer = send(2)
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    service.kill()
    mount("-o", "remount,rw,size=1m", disk)
    service.start()
    assert send(2).status_code == 200
    assert stored(disk) == [(1, 1), (2, 1)]
    report("disk read-only", 5, "sqlite", "503, then 200 again, file whole")
