"""An upgrade waits for others' transactions; running instances go on serving meanwhile."""

import time

from flask_migrate import check, downgrade, upgrade
from sqlalchemy import NullPool, create_engine, text

from tests.support.course import insert_course_data
from tests.support.databases import application_on
from tests.support.needs import trials
from tests.support.shopper import Shopper
from tests.support.upgrades import upgrading

NOTICED = 0.5  # seconds: such an answer has waited behind the upgrade
LONGEST = 3  # seconds; the upgrade itself waits for 1 second at a time


def add_and_read(shopper, slow):
    """Send requests until that many have been slow; return how long each answer took."""
    times = []
    while sum(seconds > NOTICED for seconds in times) < slow:
        for request in (shopper.add, shopper.cart):
            began = time.monotonic()
            assert request().status_code == 200
            times.append(time.monotonic() - began)
    return times


@trials(1, 5)
def test_an_upgrade_waits_for_a_transaction_and_callers_hardly_notice(
    service, database_url, users, tmp_path, report, trials
):
    """All later statements on a table, reads too, wait behind DDL that waits."""
    shopper, times = Shopper(service.url, users[0]), []
    shopper.add()
    with application_on(database_url) as app, app.app_context():
        for _ in range(trials):
            downgrade(revision="0003")  # the service works with it, and only DDL comes after it
            with create_engine(database_url, poolclass=NullPool).connect() as other:
                session = other.execute(text("SELECT CONNECTION_ID() FROM `order`")).scalar()
                with upgrading(database_url, tmp_path) as migrating:
                    migrating.says("Waiting until a table is free")
                    times += add_and_read(shopper, slow=2)
                    other.rollback()
                    assert migrating.wait() == 0
            assert migrating.log.count("Waiting") == 1
            assert f"id {session}: " in migrating.log
            check()
    assert shopper.quantity() == 1 + len(times) / 2
    assert max(times) < LONGEST
    found = f"{len(times)} requests, all 200, the slowest {max(times):.1f} s"
    report("upgrade meets BEGIN; SELECT", trials, database_url, found)


def test_an_upgrade_whose_rows_are_locked_begins_again_later(database_url, tmp_path):
    """Between two attempts it holds no lock itself."""
    with application_on(database_url) as app, app.app_context():
        upgrade(revision="0001")
        insert_course_data()
        with create_engine(database_url, poolclass=NullPool).connect() as other:
            other.execute(text("SELECT * FROM `order` WHERE is_open IS NULL FOR UPDATE"))
            with upgrading(database_url, tmp_path) as migrating:
                migrating.says("Rows are locked by others")
                other.rollback()
                assert migrating.wait() == 0
        check()
