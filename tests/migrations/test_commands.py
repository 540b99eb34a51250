"""``flask db`` and its commands beside ``upgrade``: what Alembic's users expect of them."""

import re
import shutil

import pytest
import sqlalchemy as sa

import config
from application import db
from tests.support.databases import (
    application_on,
    autocommit,
    execute,
    head_revision,
    mysql_only,
    sqlite_only,
)

HEAD = head_revision()
TYPES = "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"


@pytest.fixture
def flask_db(new_database, tmp_path, capfd, monkeypatch):
    """Run commands on a new database; each returns its status and what it prints."""
    monkeypatch.setenv("EDITOR", "cat")
    migrations = shutil.copytree(config.ROOT / "migrations", tmp_path / "migrations")
    with application_on(new_database) as app, app.app_context():

        def flask_db(*arguments):
            capfd.readouterr()
            arguments = ["db", "--directory", str(migrations), *arguments]
            ended = app.test_cli_runner().invoke(args=arguments)
            return ended.exit_code, ended.stdout + capfd.readouterr().out

        yield flask_db


@pytest.fixture
def server_of(new_database):
    """Another connection to the database."""
    with autocommit(new_database) as connection:
        yield connection


def schema():
    """Return the tables with their columns, indexes and keys, and the revision."""
    inspector = sa.inspect(db.engine)
    tables = {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            sorted(
                (i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes(table)
            ),
            [key["constrained_columns"] for key in inspector.get_foreign_keys(table)],
        )
        for table in inspector.get_table_names()
    }
    return tables, execute("SELECT version_num FROM alembic_version")


def test_all_commands_do_what_alembic_s_users_expect(flask_db):
    assert flask_db("current") == (0, "")
    assert flask_db("check")[0] == 1
    assert flask_db("upgrade")[0] == 0
    assert flask_db("current") == (0, f"{HEAD} (head)\n")
    assert "No new upgrade operations" in flask_db("check")[1]
    assert flask_db("heads") == (0, f"{HEAD} (head)\n")
    assert flask_db("branches") == (0, "")
    assert f"Rev: {HEAD} (head)" in flask_db("show", "head")[1]
    history = flask_db("history", "--indicate-current")[1].splitlines()
    assert len(history) == int(HEAD)
    assert history[0].startswith(f"{int(HEAD) - 1:04} -> {HEAD} (head) (current), ")
    assert len(flask_db("history", "--rev-range", "0005:0007")[1].splitlines()) == 3
    assert f'revision = "{HEAD}"' in flask_db("edit", "current")[1]
    before = schema()
    assert flask_db("downgrade", "0004")[0] == 0
    assert flask_db("current") == (0, "0004\n")
    assert flask_db("upgrade", "+1")[0] == 0
    assert flask_db("current") == (0, "0005\n")
    assert flask_db("upgrade")[0] == 0
    assert schema() == before
    for revision in ("0005", "head"):
        assert flask_db("stamp", revision)[0] == 0
    assert schema() == before
    for nonsense in (["upgrade", "nonsense"], ["stamp", "0099"], ["upgrade", "+2"]):
        assert flask_db(*nonsense)[0] == 1
    assert schema() == before


def test_a_merge_does_not_stop_the_next_revision_from_having_a_number(flask_db, tmp_path):
    for command in (["upgrade"], ["merge", "heads", "-m", "both"], ["upgrade"]):
        assert flask_db(*command)[0] == 0
    assert flask_db("revision", "-m", "next")[0] == 0
    written = [file.name for file in (tmp_path / "migrations" / "versions").glob("*_next.py")]
    assert written == [f"{int(HEAD) + 1:04}_next.py"]


@pytest.mark.parametrize("command", [["upgrade"], ["downgrade", "0006"], ["stamp", "0005"]])
def test_each_migration_tells_its_database_and_its_revisions(
    flask_db, new_database, caplog, command
):
    """Whoever has migrated the wrong database can see it."""
    flask_db("upgrade")
    caplog.set_level("INFO", "alembic")
    flask_db(*command)
    seen = f"revision {HEAD}"
    if command != ["upgrade"]:
        seen += f" before, {command[1]} after"
    url = re.sub(":[^:/@]*@", ":***@", new_database)
    assert caplog.messages[-1] == f"config.DevelopmentConfig, {url}: {seen}"


def test_a_migration_that_fails_has_told_its_database(flask_db, caplog):
    flask_db("upgrade")
    execute("UPDATE alembic_version SET version_num = 'of the course'")
    caplog.set_level("INFO", "alembic")
    assert flask_db("upgrade")[0] == 1
    assert any("DevelopmentConfig, " in line for line in caplog.messages)
    assert any(": revision of the course" in line for line in caplog.messages)


@mysql_only
def test_commands_that_only_read_do_not_wait_for_a_migration(flask_db, server_of):
    flask_db("upgrade")
    server_of.exec_driver_sql("SELECT GET_LOCK(CONCAT('migrations of ', DATABASE()), 0)")
    for command in (["current"], ["check"], ["history", "--indicate-current"]):
        assert flask_db(*command)[0] == 0


@mysql_only
def test_with_sql_a_migration_only_prints_what_it_would_do(flask_db):
    status, upgrade = flask_db("upgrade", "--sql")
    assert status == 0
    assert sa.inspect(db.engine).get_table_names() == []
    flask_db("upgrade")
    online = schema()
    flask_db("downgrade", "base")
    execute("DROP TABLE alembic_version")
    run(upgrade)
    assert schema() == online
    assert flask_db("check")[0] == 0
    status, downgrade = flask_db("downgrade", "--sql", f"{HEAD}:base")
    assert status == 0
    assert schema() == online
    run(downgrade)
    assert sa.inspect(db.engine).get_table_names() in ([], ["alembic_version"])


def run(script):
    """Execute the statements of a script."""
    with db.engine.begin() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


@mysql_only
@pytest.mark.parametrize(
    "command", [["upgrade", "0004:0006"], ["downgrade", "0004:0003"], ["stamp", "head"]]
)
def test_with_sql_tables_of_another_engine_stay_as_they_are(flask_db, command):
    flask_db("upgrade", "0004")
    execute("ALTER TABLE idempotency_key ENGINE = MyISAM")
    before = schema(), execute(TYPES)
    status, printed = flask_db(*command, "--sql")
    assert (status, "alembic_version" in printed) == (0, True)
    assert (schema(), execute(TYPES)) == before


@sqlite_only
@pytest.mark.parametrize("command", ["upgrade", "stamp"])
def test_with_sql_sqlite_is_refused_and_its_file_not_made(flask_db, caplog, tmp_path, command):
    assert flask_db(command, "--sql", "head") == (1, "")
    assert "--sql needs MySQL or MariaDB" in caplog.messages[-1]
    assert list(tmp_path.glob("*.db")) == []
