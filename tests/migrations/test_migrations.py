"""The migrations, up and down."""

import shutil
import subprocess
import sys

import pytest
import sqlalchemy as sa
from flask_migrate import check, downgrade, migrate, revision, upgrade
from sqlalchemy.exc import IntegrityError

import config
from application import db
from migrations.statements import migration_engine
from tests.support.databases import application_on, execute, head_revision, mysql_only
from tests.support.insides import PROGRESS


@pytest.fixture
def empty(new_database):
    """An application on an empty database, with its context."""
    with application_on(new_database) as app, app.app_context():
        yield


@pytest.mark.usefixtures("empty")
def test_migrating_up_and_down_and_up_gives_the_schema_of_the_models():
    upgrade()
    check()
    downgrade(revision="0001")
    upgrade()
    check()
    downgrade(revision="base")
    assert set(sa.inspect(db.engine).get_table_names()) == {"alembic_version"}


@pytest.mark.usefixtures("empty")
def test_migrated_strings_are_as_long_as_the_models_ones():
    """SQLite does not mind a missing length, and ``check`` does not see it; MySQL refuses it."""
    upgrade()
    inspector = sa.inspect(db.engine)
    for table in db.metadata.sorted_tables:
        migrated = {column["name"]: column["type"] for column in inspector.get_columns(table.name)}
        strings = [c for c in table.columns if isinstance(c.type, sa.String)]
        lengths = {c.name: c.type.length for c in strings if not isinstance(c.type, sa.Text)}
        assert {name: migrated[name].length for name in lengths} == lengths


@pytest.mark.usefixtures("empty")
def test_the_database_itself_refuses_a_second_open_order_and_a_second_line():
    upgrade()
    execute("INSERT INTO `order` (id, user_id, is_open) VALUES (1, 1, 1), (2, 1, 0), (3, 1, 0)")
    with pytest.raises(IntegrityError):
        execute("INSERT INTO `order` (user_id, is_open) VALUES (1, 1)")
    execute("INSERT INTO order_item (order_id, product_id, quantity) VALUES (1, 7, 1)")
    with pytest.raises(IntegrityError):
        execute("INSERT INTO order_item (order_id, product_id, quantity) VALUES (1, 7, 1)")


@pytest.fixture
def own_migrations(empty, tmp_path):
    """A copy of the migrations, applied, to which a test may add."""
    upgrade()
    return shutil.copytree(config.ROOT / "migrations", tmp_path / "migrations")


def revisions(folder):
    return {file.name for file in (folder / "versions").glob("*.py")}


def test_no_revision_is_written_if_the_models_have_not_changed(own_migrations):
    before = revisions(own_migrations)
    migrate(own_migrations, "nothing")
    assert revisions(own_migrations) == before


def test_a_new_revision_gets_the_next_number_and_passes_the_linter(own_migrations):
    execute("ALTER TABLE `order` ADD scratch INTEGER")
    before = revisions(own_migrations)
    migrate(own_migrations, "drop a column")
    upgrade(own_migrations)
    revision(own_migrations, "by hand")
    number = int(head_revision())
    new = revisions(own_migrations) - before
    assert new == {f"{number + 1:04}_drop_a_column.py", f"{number + 2:04}_by_hand.py"}
    for name in new:
        text = (own_migrations / "versions" / name).read_bytes()
        for command in (["check"], ["format", "--check"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename"]
            path = f"migrations/versions/{name}"
            subprocess.run([*ruff, path], input=text, cwd=config.ROOT, check=True)


def test_development_does_not_hide_the_migrations_among_their_sql(new_database, caplog):
    caplog.set_level("INFO", "alembic")
    with application_on(new_database, SQLALCHEMY_ECHO=True) as app, app.app_context():
        upgrade()
    assert "Running upgrade 0005 -> 0006" in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("sqlalchemy")]


@mysql_only
def test_a_long_statement_is_said_to_run(new_database, caplog, monkeypatch):
    monkeypatch.setattr(*PROGRESS, 0.05)
    caplog.set_level("INFO", "alembic")
    with migration_engine(sa.make_url(new_database)).connect() as connection:
        connection.execute(sa.text("SELECT SLEEP(0.3)"))
    assert "Running for 0 s: SELECT SLEEP(0.3)" in caplog.messages
