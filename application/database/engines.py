"""Engines configured for concurrency, on SQLite, MySQL and MariaDB."""

import ssl
from typing import Any

import pymysql
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from pymysql.constants import CR, FIELD_TYPE, SERVER_STATUS
from pymysql.converters import conversions
from pymysql.err import MySQLError, OperationalError
from sqlalchemy import NullPool, event
from sqlalchemy.orm import DeclarativeBase

from . import sqlite
from .results import parse_datetime
from .url import parse

# Variables by which a server's own defaults may change what a statement means, returns or refuses.
# Migrations set them, too.
MEANING = ", ".join(
    (
        "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",  # none like ORACLE
        "time_zone = '+00:00'",
        "sql_safe_updates = OFF",
        "sql_select_limit = 18446744073709551615",  # its default: no limit
        "sql_big_selects = ON",
        "sql_auto_is_null = OFF",
        "unique_checks = ON",
        "completion_type = 0",
    )
)
MAX_AGE = 25  # seconds; a connection that only reads does not notice that its server is replaced
# Seconds after which the server ends a session that is silent, and gives up its locks: the network
# may be cut. More than MAX_AGE, so that no connection in the pool is hit.
WAIT_TIMEOUT = 30
# PyMySQL waits for ever by default. A locked row is waited for 1 second only: a primary of MySQL
# Group Replication that turns read-only serves nobody while one of its sessions waits.
MYSQL: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 5,
    "write_timeout": 5,
    "init_command": f"SET SESSION {MEANING}, foreign_key_checks = ON,"
    f" wait_timeout = {WAIT_TIMEOUT}, innodb_lock_wait_timeout = 1",
    "conv": {**conversions, FIELD_TYPE.DATETIME: parse_datetime},
}
# Used if the URL has no option about TLS: encrypt if the server can, and do not check its
# certificate. PyMySQL does the same, but makes a new context each time: 20 ms of CPU time.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
PROBE_TIMEOUTS = {"connect_timeout": 0.4, "read_timeout": 0.4}  # seconds
# Variables of a cluster's node that may answer before it has applied what other nodes have
# committed, and the statement that makes it wait: Galera, and Group Replication. Galera waits only
# before a transaction's first statement: 1 is for a SELECT, 4 for an INSERT (of a key).
CATCH_UP = {
    ("wsrep_sync_wait", "0"): "SET SESSION wsrep_sync_wait = 5",
    ("wsrep_sync_wait", "1"): "SET SESSION wsrep_sync_wait = 5",
    ("group_replication_single_primary_mode", "OFF"): (
        "SET SESSION group_replication_consistency = 'BEFORE'"
    ),
}


class Base(DeclarativeBase):
    """The declarative base of the models."""


db = SQLAlchemy(model_class=Base)


def init_app(app: Flask) -> None:
    """Give the application its engines: the session's, ``db.engine``, and two more.

    ``db.engines["reader"]`` is for single queries, on autocommit: each is one round trip.
    ``db.engines["probe"]`` opens a new connection each time and soon gives up. Raises SystemExit
    with one line if DATABASE_URL cannot be used.
    """
    # Not before: it imports prometheus_client; see create_app.
    from .switchover import Switchover

    url = parse(app.config["DATABASE_URL"], app.config["DATABASE_PASSWORD"])
    on_sqlite = url.get_backend_name() == "sqlite"
    connect_args = sqlite.CONNECT_ARGS if on_sqlite else MYSQL
    if ours := url.query.keys() & (connect_args.keys() | {"autocommit", "sql_mode"}):
        raise SystemExit(f"DATABASE_URL cannot set {min(ours)}: the service has a value of its own")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    pool = {
        "connect_args": connect_args,
        "pool_size": 8,  # one for each of a worker's threads, so that none waits
        "max_overflow": 8,  # for servers with more threads
        "pool_recycle": MAX_AGE,
        "pool_reset_on_return": None,  # see _reset
        "echo_pool": False,  # SQLALCHEMY_ECHO is for SQL
    }
    # Under REPEATABLE READ, the first adds of different users lock each other's gaps.
    isolation = {} if on_sqlite else {"isolation_level": "READ COMMITTED"}
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = pool | isolation
    autocommit = {"url": url, "isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    limits = {} if on_sqlite else MYSQL | PROBE_TIMEOUTS
    new = {"url": url, "poolclass": NullPool, "connect_args": limits, "echo_pool": False}
    # A probe's session is like one that writes, so it fails if those do.
    app.config["SQLALCHEMY_BINDS"] = {"reader": pool | autocommit, "probe": new | isolation}
    try:
        db.init_app(app)  # makes the folder of a relative path
    except OSError as error:
        raise SystemExit(f"DATABASE_URL: cannot make {error.filename}: {error.strerror}") from None
    with app.app_context():
        writer, reader, probe = db.engine, db.engines["reader"], db.engines["probe"]
    app.extensions["switchover"] = Switchover(writer, reader)
    for engine in (writer, reader):
        event.listen(engine, "connect", sqlite.prepare if on_sqlite else _prepare_mysql)
    event.listen(writer, "reset", _reset)
    if on_sqlite:
        sqlite.take_turns(writer)
    else:
        for engine in (writer, reader, probe):
            event.listen(engine, "do_connect", connect_mysql)


def configured_database() -> str:
    """Return the active configuration and its database, without password and options, to log."""
    url = db.engine.url.set(query={}).render_as_string(hide_password=True)
    return f"{current_app.config['CONFIGURATION_SETUP']}, {url}"


def connect_mysql(_dialect: object, _record: object, _args: object, options: Any) -> Any:
    """Connect as an engine's ``do_connect``; raises MySQLError whatever PyMySQL's login raises."""
    tls_of_url = any(name.startswith("ssl") for name in options)
    ours: dict[str, Any] = {} if tls_of_url else {"ssl_disabled": True}
    # By this name, which OpenTelemetry replaces.
    connection: Any = pymysql.connect(**options, **ours, defer_connect=True)
    if ours:
        connection.ssl, connection.ctx = True, TLS
    try:
        connection.connect()
    except MySQLError:
        raise
    except Exception as error:  # of a login plugin, for example: RuntimeError, IndexError
        reason = f"PyMySQL cannot log in: {type(error).__name__}: {error}"
        raise OperationalError(CR.CR_AUTH_PLUGIN_ERR, reason) from error
    return connection


def _prepare_mysql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW VARIABLES WHERE (Variable_name, Value) IN {tuple(CATCH_UP)}")
        for variable in cursor.fetchall():
            cursor.execute(CATCH_UP[variable])


def _reset(connection: Any, _record: object, _state: object) -> None:
    # SQLAlchemy's own reset costs a round trip after every COMMIT, or leaves a transaction open
    # after a COMMIT that has failed.
    status = getattr(connection, "server_status", SERVER_STATUS.SERVER_STATUS_IN_TRANS)
    if status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:  # SQLite's driver tells no status
        connection.rollback()
