"""How connections to the database are set up."""

import sqlite3
from contextlib import ExitStack, closing

import pymysql
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from application import db
from tests.support.certificates import make_certificate
from tests.support.databases import application_on, engines_of, mysql_only, sqlite_only
from tests.support.insides import MAX_AGE
from tests.support.mariadb import MariaDB
from tests.support.needs import need_program


@mysql_only
def test_transactions_are_read_committed(app):
    """Under REPEATABLE READ, first adds of different users lock each other's gaps."""
    engine, _ = engines_of(app)
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"


@sqlite_only
def test_a_sqlite_file_has_a_write_ahead_log(app):
    """With it, readers do not wait for a writer."""
    engine, _ = engines_of(app)
    with closing(sqlite3.connect(engine.url.database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def open_at_once(engine, number):
    with ExitStack() as connections:
        for _ in range(number):
            connections.enter_context(engine.connect())


@pytest.mark.parametrize("number", [0, 1], ids=["transactions", "queries"])
def test_a_pool_keeps_a_connection_for_each_thread_and_opens_as_many_more(app, number):
    engine = engines_of(app)[number]
    open_at_once(engine, 8)
    assert engine.pool.checkedin() == 8
    open_at_once(engine, 16)


def connection_id(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT CONNECTION_ID()"))


@mysql_only
@pytest.mark.parametrize(("age", "kept"), [(0, False), (None, True)], ids=["old", "new"])
def test_a_connection_of_some_age_is_replaced(app, monkeypatch, age, kept):
    """One that only reads does not notice that another server has taken over."""
    if age is not None:
        monkeypatch.setattr(*MAX_AGE, age)
    with application_on(app.config["DATABASE_URL"]) as other:
        for engine in engines_of(other):
            assert (connection_id(engine) == connection_id(engine)) is kept


@mysql_only
def test_a_connection_has_variables_of_its_own(app):
    """The server's defaults may change what a statement means, and keep silent sessions."""
    for engine in engines_of(app):
        with engine.connect() as connection:
            modes, zone = connection.execute(text("SELECT @@sql_mode, @@time_zone")).one()
            assert (modes, zone) == ("STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION", "+00:00")
            assert engine.pool._recycle < connection.scalar(text("SELECT @@wait_timeout")) == 30


def all_engines(app):
    with app.app_context():
        return [*db.engines.values()]


@mysql_only
def test_connections_are_made_by_the_name_that_opentelemetry_replaces(app, monkeypatch):
    made, connect = [], pymysql.connect

    def traced(**options):
        made.append(connection := connect(**options))
        return connection

    monkeypatch.setattr(pymysql, "connect", traced)
    with application_on(app.config["DATABASE_URL"]) as other:
        for engine in all_engines(other):
            engine.connect().close()
    assert len(made) == 3


@pytest.fixture
def tls_server(tmp_path):
    """A server with a certificate that nobody has signed."""
    need_program("mariadbd")
    certificate, key = make_certificate(tmp_path, "127.0.0.1")
    server = MariaDB(tmp_path, f"--ssl-key={key}", f"--ssl-cert={certificate}").start()
    yield server
    server.kill()


@pytest.mark.slow  # a database server of its own
def test_connections_are_encrypted_if_the_server_can_do_so(tls_server):
    with application_on(tls_server.url) as app:
        for engine in all_engines(app):
            with engine.connect() as connection:
                version = connection.execute(text("SHOW STATUS LIKE 'Ssl_version'")).one()[1]
                assert version.startswith("TLS")


@mysql_only
@pytest.mark.parametrize("option", ["ssl_verify_cert=true", "ssl_verify_identity=true"])
def test_a_connection_that_must_be_safe_is_never_a_plain_one(app, option):
    """The tests' server has no TLS, or a certificate that nobody has signed."""
    refusal = r"SSL is required|CERTIFICATE_VERIFY_FAILED"
    with application_on(f"{app.config['DATABASE_URL']}?{option}") as other:
        for engine in all_engines(other):
            with pytest.raises(OperationalError, match=refusal):
                engine.connect()
