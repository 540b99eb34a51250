"""Eight processes run ``flask db upgrade`` at once, as replicas do when they start."""

import os
import subprocess
from collections import Counter

import pytest
from flask_migrate import upgrade

import config
from tests.support.course import SUMS, insert_course_data, replace_nulls
from tests.support.databases import application_on, execute, head_revision, scratch_database
from tests.support.needs import MYSQL, trials
from tests.support.upgrades import FLASK


def upgrade_at_once(url):
    """Return what each process wrote to its log."""
    environment = os.environ | {"DATABASE_URL": url, "SQLALCHEMY_ECHO": "false"}
    options = {"cwd": config.ROOT, "env": environment, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(FLASK, **options) for _ in range(8)]
    logs = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, logs
    return logs


def upgrade_an_empty_database(url):
    """Return how many processes ran the first migration, and whether the schema is complete."""
    logs = upgrade_at_once(url)
    with application_on(url) as app, app.app_context():
        revision = execute("SELECT version_num FROM alembic_version")
    return sum("-> 0001" in log for log in logs), revision == [(head_revision(),)]


def upgrade_a_course_database(url):
    """Return how many processes merged orders, and whether the schema and all sums are right."""
    with application_on(url) as app, app.app_context():
        upgrade(revision="0001")
        insert_course_data()
        replace_nulls()
        before = execute(SUMS)
    logs = upgrade_at_once(url)
    with application_on(url) as app, app.app_context():
        revision, after = execute("SELECT version_num FROM alembic_version"), execute(SUMS)
    merged = sum("7 open orders of 2 users" in log for log in logs)
    return merged, revision == [(head_revision(),)] and before == after


KINDS = {"an empty": upgrade_an_empty_database, "the course's": upgrade_a_course_database}


@trials(1, 10)
@pytest.mark.parametrize("kind", KINDS)
def test_of_upgrades_at_once_one_migrates_the_database(engine_name, tmp_path, report, kind, trials):
    url, trials = (MYSQL, trials) if engine_name == "mysql" else ("sqlite", 1)
    found = Counter()
    for _ in range(trials):
        with scratch_database(engine_name, tmp_path) as database_url:
            migrated, correct = KINDS[kind](database_url)
        found[f"{migrated} of 8 migrated, schema and sums {'right' if correct else 'wrong'}"] += 1
    assert found == {"1 of 8 migrated, schema and sums right": trials}
    report(f"8 upgrades at once of {kind} database", trials, url, f"{dict(found)}")
