"""Run the migrations, in one process at a time; with ``--sql``, print them."""

import logging
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from threading import current_thread, main_thread

from alembic import context
from alembic.script import ScriptDirectory, write_hooks
from flask import current_app
from pymysql.constants import ER
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from application.database import configured_database
from application.database.error_codes import code, passes
from application.serving.health import migration_state
from migrations.mysql import convert_tables, other_tables, refuse_several_primaries, wait_for_turn
from migrations.statements import CONFLICTS, PATIENCE, PAUSE, SESSION, migration_engine

log = logging.getLogger("alembic.env")
db = current_app.extensions["migrate"].db
sqlite = db.engine.dialect.name == "sqlite"
# The user may not change tables; SQLite's file is not a database.
UNUSABLE = {
    *(ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR),
    sqlite3.SQLITE_NOTADB,
}
TABLES = {*db.metadata.tables, "alembic_version"}
ADOPTING = 'docs/course.md, section "Adopting a database of the course\'s service"'


@contextmanager
def ended_by_signals():
    """End at once, without a traceback, on SIGTERM, which process 1 would ignore, and Ctrl-C."""
    if current_thread() is not main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda number, _: sys.exit(128 + number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def told_in_one_line():
    """Raise RuntimeError, of which Flask-Migrate makes one line, for what an operator can change.

    Any other error is a mistake in a migration, and keeps its traceback.
    """
    try:
        yield
    except DBAPIError as error:
        if not passes(error) and code(error.orig) not in UNUSABLE:
            raise
        raise RuntimeError(f"The database of DATABASE_URL cannot be used: {error.orig}") from None


def is_complete(connection):
    """Return whether an upgrade has nothing to do, because nothing is pending or all is newer."""
    state = migration_state(context.get_context().get_current_revision())
    if state == "ahead":
        log.info("The database has been migrated by a newer release")
        return True
    to_head = context.get_context().opts["destination_rev"] in ("head", "heads")
    return state == "ok" and to_head and (sqlite or not other_tables(connection, TABLES))


def refuse_unmarked(connection):
    """Raise RuntimeError if another service made the database, and nobody has said so.

    An interrupted first migration leaves tables without orders; on SQLite, it leaves nothing.
    """
    revision = context.get_context().get_current_revision()
    if migration_state(revision) == "foreign":
        found = f"revision {revision}, which is none of this service's"
    elif revision is None and has_orders(connection):
        found = "orders and no revision"
    else:
        return
    raise RuntimeError(f"The database has {found}. If the course's service made it: {ADOPTING}")


def has_orders(connection):
    if not inspect(connection).has_table("order"):
        return False
    return sqlite or connection.scalar(text("SELECT 1 FROM `order` LIMIT 1")) is not None


def run_migrations(connection):
    """Run the migrations, once more from where they are if rows are locked by others."""
    began = time.monotonic()
    while True:
        try:
            with context.begin_transaction():
                return context.run_migrations()
        except OperationalError as error:
            late = time.monotonic() - began > PATIENCE
            if late or code(error.orig) not in CONFLICTS:
                raise
            log.warning("Rows are locked by others, the migration begins again: %s", error.orig)
        connection.rollback()
        time.sleep(PAUSE)


def number_revision(_context, _revision, scripts):
    """Number a new revision; write none if ``flask db migrate`` finds nothing to change."""
    (script,) = scripts
    if getattr(context.config.cmd_opts, "autogenerate", False) and script.upgrade_ops.is_empty():
        log.info("The models have not changed: no revision is written")
        scripts.clear()
        return
    ours = ScriptDirectory.from_config(context.config).walk_revisions()
    numbers = [int(known.revision) for known in ours if known.revision.isdecimal()]
    script.rev_id = f"{max(numbers) + 1:04}"


@write_hooks.register("ruff")
def format_revision(file, _options):
    """Format a new revision, so that it passes the linter, if that is installed."""
    if find_spec("ruff"):
        for command in (["check", "--fix", "--select", "I"], ["format"]):
            subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", file])  # noqa: S603


OPTIONS = {"target_metadata": db.metadata, "process_revision_directives": number_revision}


def print_sql():
    """Print the statements of an upgrade or downgrade, for somebody else to run."""
    if sqlite:
        raise RuntimeError("--sql needs MySQL or MariaDB: on SQLite, tables are read and copied")
    context.configure(url=db.engine.url, literal_binds=True, **OPTIONS)
    log.info("%s: SQL for it is printed, the database is not touched", configured_database())
    with context.begin_transaction():
        context.execute("-- All tables must be InnoDB: `flask db upgrade` itself converts others")
        context.execute(SESSION)
        context.run_migrations()


def main(connection):
    """Run what the command asks for, and log on which database."""
    context.configure(connection=connection, transactional_ddl=sqlite or None, **OPTIONS)
    command = context.get_context().opts["fn"].__name__
    where, before = configured_database(), revision()
    log.info("%s: revision %s", where, before)
    if command != "upgrade" or not is_complete(connection):
        connection.rollback()
        migrate(connection, command)
    if (after := revision()) != before:
        log.info("%s: revision %s before, %s after", where, before, after)


def revision():
    return ", ".join(context.get_context().get_current_heads()) or "none"


def migrate(connection, command):
    if command in ("upgrade", "downgrade", "do_stamp") and not sqlite:
        wait_for_turn(connection)
    if command == "upgrade":
        refuse_unmarked(connection)
    if command in ("upgrade", "downgrade") and not sqlite:
        refuse_several_primaries(connection)
        convert_tables(connection, TABLES)
    connection.rollback()
    run_migrations(connection)


with ended_by_signals(), told_in_one_line():
    if context.is_offline_mode():
        print_sql()
    else:
        with migration_engine(db.engine.url).connect() as connection:
            main(connection)
