"""A row that another session holds locked, such as an operator's."""

import time

from sqlalchemy import create_engine

from tests.support.api import DATABASE_UNAVAILABLE
from tests.support.shopper import Shopper


def test_a_change_waits_for_a_locked_order_for_ten_seconds_at_most(
    service, users, database_url, report
):
    shopper = Shopper(service.url, users[0])
    shopper.add()
    with create_engine(database_url).begin() as session:
        session.exec_driver_sql("SELECT id FROM `order` FOR UPDATE")
        began = time.monotonic()
        answer = shopper.add()
        took = time.monotonic() - began
        assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
        assert took < 11  # seconds; one more for a slow machine
        assert shopper.quantity() == 1  # a read waits for nobody
    assert shopper.add().json()["result"]["items"][0]["quantity"] == 2
    report("order locked", 1, database_url, f"503 after {took:.1f} s")
