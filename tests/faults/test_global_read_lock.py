"""FLUSH TABLES WITH READ LOCK, with which a backup may stop all changes on the server."""

import time

import requests

from tests.support.api import DATABASE_UNAVAILABLE, statuses
from tests.support.databases import autocommit
from tests.support.shopper import Shopper

LONGEST = 6  # seconds: the driver's timeout of 5, and one more for a slow machine


def test_while_all_tables_are_locked_changes_are_503_and_shows_are_served(
    server, start, users, report
):
    service, refused, took = start(server.url), [], []
    shopper = Shopper(service.url, users[0])
    shopper.add()
    with autocommit(server.url) as backup:
        backup.exec_driver_sql("FLUSH TABLES WITH READ LOCK")
        for key in (None, "key"):
            began = time.monotonic()
            refused.append(answer := shopper.add(key))
            took.append(time.monotonic() - began)
            assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
            assert shopper.quantity() == 1
        assert requests.get(f"{service.url}/readyz", timeout=60).status_code == 503
    assert max(took) < LONGEST
    assert shopper.add("key").json()["result"]["items"][0]["quantity"] == 2
    assert shopper.quantity() == 2
    found = f"{dict(statuses(refused))} within {max(took):.1f} s, then 200, nothing stored twice"
    report("all tables locked", len(refused), server.url, found)
