"""Databases for tests, and applications on them."""

import uuid
from contextlib import contextmanager, suppress

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from sqlalchemy import NullPool, create_engine, delete, make_url, text
from sqlalchemy.exc import OperationalError

import config
from application import create_app, db
from application.models import IdempotencyKey, Order, OrderItem
from tests.support.needs import MYSQL, NO_MYSQL

ENGINES = [
    "sqlite",
    pytest.param("mysql", marks=pytest.mark.skipif(not MYSQL, reason=NO_MYSQL)),
]
sqlite_only, mysql_only = (
    pytest.mark.parametrize("engine_name", [engine], indirect=True, scope="session")
    for engine in ENGINES
)


@contextmanager
def scratch_database(engine_name, folder):
    """Make an empty database and give its URL; it is dropped at the end."""
    name = f"order_test_{uuid.uuid4().hex[:12]}"
    if engine_name == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    execute_on(MYSQL, f"CREATE DATABASE {name}")
    try:
        yield make_url(MYSQL).set(database=name).render_as_string(hide_password=False)
    finally:
        execute_on(MYSQL, f"DROP DATABASE {name}")


@contextmanager
def mysql_database(folder):
    """Make an empty database on the server of TEST_DATABASE_URL, or skip the test."""
    if not MYSQL:
        pytest.skip(NO_MYSQL)
    with scratch_database("mysql", folder) as url:
        yield url


@contextmanager
def autocommit(url):
    """Give a connection of the test's own, on autocommit."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def execute_on(url, statement):
    """Execute a statement on a new connection; return the first value of its result, if any."""
    with autocommit(url) as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def execute(statement):
    """Execute a statement on the current application's database; return its rows, if any."""
    with db.engine.begin() as connection:
        result = connection.execute(sa.text(statement) if isinstance(statement, str) else statement)
        return result.all() if result.returns_rows else None


@contextmanager
def application_on(url, **settings):
    """Make an application on a database; its connections are closed at the end."""
    app = create_app({"DATABASE_URL": url, **settings})
    try:
        yield app
    finally:
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


def migrate(url):
    """Apply the migrations to a database."""
    with application_on(url) as app, app.app_context():
        upgrade()


def engines_of(app):
    """Return an application's engines: for transactions, and for queries."""
    with app.app_context():
        return [db.engine, db.engines["reader"]]


def delete_all(app):
    """Empty the tables."""
    with app.app_context(), db.engine.begin() as connection:
        for model in (OrderItem, Order, IdempotencyKey):
            connection.execute(delete(model))


def head_revision() -> str:
    """Return the last migration's revision, as its script says."""
    return ScriptDirectory(str(config.ROOT / "migrations")).get_current_head()


def kill_all_others(connection) -> int:
    """Let the server end all other connections to its database, and return their number."""
    threads = text(
        "SELECT id FROM information_schema.processlist"
        " WHERE db = DATABASE() AND id != CONNECTION_ID()"
    )
    ids = connection.scalars(threads).all()
    for thread in ids:
        with suppress(OperationalError):  # it has ended by itself
            connection.exec_driver_sql(f"KILL {thread}")
    return len(ids)
