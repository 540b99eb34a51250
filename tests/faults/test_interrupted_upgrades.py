"""An upgrade may end at any point; the next one completes it."""

import random
import signal
import time
from collections import Counter

import pytest
from flask_migrate import check, downgrade, upgrade

from application.serving.health import current_revision
from tests.support.course import SUMS, insert_course_data, replace_nulls
from tests.support.databases import (
    application_on,
    autocommit,
    execute,
    head_revision,
    migrate,
    mysql_database,
)
from tests.support.needs import MYSQL, trials
from tests.support.processes import until
from tests.support.proxy import Fault
from tests.support.upgrades import FLASK, GUNICORN, upgrading

WAITING = (
    "SELECT COUNT(*) FROM information_schema.processlist"
    " WHERE db = DATABASE() AND info LIKE 'SELECT GET_LOCK%%' AND id != CONNECTION_ID()"
)
DDL = r"(?i)\s*(ALTER|CREATE|DROP|RENAME|TRUNCATE)\b"


def empty():
    """Leave the database empty."""


def course():
    """Make a database of the course's service, which passes through all older revisions."""
    upgrade(revision="0001")
    insert_course_data()
    replace_nulls()


def downgraded():
    """Go back from the newest revision, which leaves an index of its own."""
    course()
    upgrade()
    downgrade(revision="0001")


def sums():
    return execute(SUMS) if current_revision() else []


@pytest.fixture
def through_proxy(proxy):
    """An application whose migrations go through the proxy, with its context."""
    with application_on(proxy.url) as app, app.app_context():
        yield


def is_lost_after(proxy, statements):
    """Upgrade, but lose the connection after that many DDL statements, unless there are fewer."""
    proxy.fault = fault = Fault(DDL, executed=True, after=statements - 1)
    try:
        upgrade()
    except SystemExit:
        assert fault.times == 0
    return fault.times == 0


@pytest.mark.usefixtures("through_proxy")
@pytest.mark.parametrize("start", [empty, course, downgraded])
def test_an_upgrade_that_is_lost_after_each_ddl_statement_is_completed(
    start, proxy, caplog, report
):
    """Each upgrade gets one statement further; those before it have been executed already."""
    start()
    before = sums()
    caplog.set_level("DEBUG", "alembic.adoption")
    caplog.clear()
    points = Counter()
    while is_lost_after(proxy, points[revision := current_revision()] + 1):
        points[revision] += 1
    check()
    assert sums() == before
    assert current_revision() == head_revision()
    changes = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    assert len(changes) == len(set(changes))
    found = f"lost {points.total()} times, completed"
    report(f"upgrade lost after each DDL statement: {start.__name__}", 1, proxy.url, found)


@trials(1, 5)
def test_an_upgrade_that_is_killed_is_completed_by_the_next(tmp_path, report, trials):
    for _ in range(trials):
        with mysql_database(tmp_path) as url, application_on(url) as app, app.app_context():
            course()
            before = sums()
            with upgrading(url, tmp_path) as killed:
                killed.says(f"-> {random.choice(['0002', '0002', '0003', '0004', '0005'])}")
                time.sleep(random.uniform(0, 0.2))
            upgrade()
            check()
            assert sums() == before
    report("SIGKILL of an upgrade", trials, MYSQL, "all completed")


@pytest.fixture
def migrated(database_url):
    migrate(database_url)
    return database_url


@pytest.fixture
def turn(database_url):
    """Another session that has the turn to migrate, until the test ends."""
    with autocommit(database_url) as session:
        lock = "SELECT GET_LOCK(CONCAT('migrations of ', DATABASE()), 0)"
        assert session.exec_driver_sql(lock).scalar() == 1
        yield session


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", [FLASK, GUNICORN])
def test_a_signal_ends_a_migration_at_once_and_without_a_traceback(
    command, number, database_url, turn, tmp_path
):
    """As process 1, too: there, a signal without a handler would be ignored."""
    with upgrading(database_url, tmp_path, command) as migrating:
        until(lambda: turn.exec_driver_sql(WAITING).scalar())
        began = time.monotonic()
        migrating.process.send_signal(number)
        assert migrating.wait() == 128 + number
        assert time.monotonic() - began < 5
        assert "Traceback" not in migrating.log


def test_a_start_with_nothing_to_migrate_waits_for_no_other(migrated, turn, tmp_path):
    """A newer release may be migrating while an old replica starts again."""
    with upgrading(migrated, tmp_path) as start:
        assert start.wait() == 0
