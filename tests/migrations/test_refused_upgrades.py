"""Databases that an upgrade must leave alone, each with one line that says why."""

import re

import pytest
from flask_migrate import check, stamp, upgrade

import config
from tests.support.course import SUMS, insert_course_data
from tests.support.databases import application_on, execute, sqlite_only
from tests.support.upgrades import FLASK, GUNICORN, upgrading

UNMARKED = [
    "DROP TABLE alembic_version",
    "DELETE FROM alembic_version",
    "UPDATE alembic_version SET version_num = 'b1e4a9d0c3f7'",
]
pytestmark = pytest.mark.usefixtures("course")


@pytest.fixture
def course(new_database):
    """An application's context, on a database of the first revision, with data of the course."""
    with application_on(new_database) as app, app.app_context():
        upgrade(revision="0001")
        insert_course_data()
        yield


@pytest.mark.parametrize("statement", UNMARKED)
def test_a_database_of_the_course_is_not_taken_for_an_interrupted_upgrade(statement, caplog):
    execute(statement)
    before = execute(SUMS)
    caplog.clear()
    with pytest.raises(SystemExit, match="1"):
        upgrade()
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    section = re.search(r'docs/course\.md, section "(.+)"', line)[1]
    assert f"## {section}\n" in (config.ROOT / "docs" / "course.md").read_text()
    assert execute(SUMS) == before

    stamp(revision="0001", purge=True)
    upgrade()
    check()


@sqlite_only
@pytest.mark.parametrize("command", [FLASK, GUNICORN])
def test_a_refusal_has_no_traceback(new_database, command, tmp_path):
    execute("DELETE FROM alembic_version")
    with upgrading(new_database, tmp_path, command) as refused:
        assert refused.wait() == 1
    assert "The database has orders and no revision" in refused.log
    assert "Traceback" not in refused.log


def test_a_database_of_a_newer_release_is_left_as_it_is(caplog):
    """An old replica may start again while it is being replaced."""
    execute("UPDATE alembic_version SET version_num = '9999'")
    caplog.set_level("INFO")
    upgrade()
    assert "The database has been migrated by a newer release" in caplog.messages
    assert execute("SELECT version_num FROM alembic_version") == [("9999",)]
