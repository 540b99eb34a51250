"""Eight processes run ``flask db upgrade`` at once, as replicas do at their start."""

import os
import subprocess
import sys

import pytest
from flask_migrate import upgrade

import config
from tests.conftest import MYSQL, application_on, scratch_database
from tests.faults import trials
from tests.test_migrations import SUMS, course_data, execute, mend_nulls


def upgrade_at_once(url):
    """Return what each process said."""
    command = [sys.executable, "-m", "flask", "db", "upgrade"]
    environment = os.environ | {"DATABASE_URL": url, "SQLALCHEMY_ECHO": "false"}
    options = {"cwd": config.ROOT, "env": environment, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **options) for _ in range(8)]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, said
    return said


def try_on_an_empty_database(url):
    said = upgrade_at_once(url)
    assert sum("-> 0001" in text for text in said) == 1
    with application_on(url) as app, app.app_context():
        assert execute("SELECT version_num FROM alembic_version") == [("0005",)]


def try_on_a_database_of_the_course(url):
    with application_on(url) as app, app.app_context():
        upgrade(revision="0001")
        course_data()
        mend_nulls()
        before = execute(SUMS)
    said = upgrade_at_once(url)
    assert sum("user 1: merged open orders" in text for text in said) == 1
    with application_on(url) as app, app.app_context():
        assert execute("SELECT version_num FROM alembic_version") == [("0005",)]
        assert execute(SUMS) == before


KINDS = {"an empty": try_on_an_empty_database, "the course's": try_on_a_database_of_the_course}


@trials(1, 20)
@pytest.mark.parametrize("kind", KINDS)
def test_upgrades_at_once_are_one(engine_name, tmp_path, report, kind, trials):
    url, trials = (MYSQL, trials) if engine_name == "mysql" else ("sqlite", 1)
    for _ in range(trials):
        with scratch_database(engine_name, tmp_path) as database_url:
            KINDS[kind](database_url)
    report(f"8 upgrades at once of {kind} database", trials, url, "one migrated, sums equal")
