"""How the statements of a migration run: each one is redone, waited for and logged as it needs.

On MySQL and MariaDB, DDL commits by itself. So an interrupted migration leaves a part of its DDL
behind, and the next run starts with its first statement again.
"""

import logging
import re
import time
from contextlib import contextmanager
from threading import Event, Thread

from pymysql.constants import ER
from pymysql.err import MySQLError
from sqlalchemy import NullPool, create_engine, event

from application.database.engines import MEANING, connect_mysql
from application.database.sqlite import CONNECT_ARGS

log = logging.getLogger("alembic.statements")

DDL = re.compile(r"\s*(ALTER|CREATE|DROP|RENAME|TRUNCATE)\b", re.IGNORECASE)
ALTER = re.compile(r"\s*ALTER TABLE (\S+)", re.IGNORECASE)
# An interrupted run has added or dropped it: a table, column, index, foreign key or check.
DONE = {
    ER.TABLE_EXISTS_ERROR,
    ER.BAD_TABLE_ERROR,
    ER.DUP_FIELDNAME,
    ER.DUP_KEYNAME,
    ER.CANT_DROP_FIELD_OR_KEY,
    1826,  # foreign key; on MariaDB a check
    3822,  # check
}
CONFLICTS = {ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK}
# All other statements on a table, reads too, wait behind DDL that waits for a transaction's end.
LOCK_WAIT = 1  # second; the callers of running instances wait as long, and then have
PAUSE = 2  # seconds to catch up
PATIENCE = 600  # seconds
PROGRESS = 8  # seconds between lines about a statement that runs
# The engine is for Alembic's own table; each migration names it for its tables. Foreign keys are
# not checked again for rows that are copied with their table: that takes longer than the copy.
SESSION = f"SET SESSION default_storage_engine = InnoDB, foreign_key_checks = OFF, {MEANING}"
IMPATIENT_SESSION = (
    f"{SESSION}, lock_wait_timeout = {LOCK_WAIT}, innodb_lock_wait_timeout = {LOCK_WAIT}"
)
OPEN_TRANSACTIONS = """
SELECT user, host, id, TIMESTAMPDIFF(SECOND, trx_started, NOW())
FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id
WHERE id != CONNECTION_ID() ORDER BY trx_started LIMIT 3
"""


def migration_engine(url):
    """Return an engine without the timeouts and the echo of the service's own."""
    sqlite = url.get_backend_name() == "sqlite"
    options = {"init_command": IMPATIENT_SESSION}
    if sqlite:  # its driver itself would send BEGIN too late
        options = CONNECT_ARGS | {"isolation_level": None}
    engine = create_engine(url, poolclass=NullPool, connect_args=options)
    if sqlite:  # a transaction takes the write lock when it begins, and it includes DDL
        event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    else:
        event.listen(engine, "do_connect", connect_mysql)
    event.listen(engine, "do_execute", run)
    return engine


def run(cursor, statement, parameters, context):
    """Execute a statement, and log every few seconds that it still runs.

    Returns True, so that SQLAlchemy does not execute it once more.
    """
    if DDL.match(statement) and context.dialect.name != "sqlite":
        run_ddl(cursor, statement, parameters)
    else:
        with progress(statement):
            cursor.execute(statement, parameters)
    return True


def run_ddl(cursor, statement, parameters):
    """Execute DDL of MySQL as soon as no transaction holds its table, unless it is done already.

    Raises the driver's error after ten minutes, and any other error at once.
    """
    began, waiting = time.monotonic(), False
    while True:
        try:
            await_free_table(cursor, statement)
            with progress(statement):
                cursor.execute(statement, parameters)
            return
        except MySQLError as error:
            if error.args[0] in DONE:
                log.info("Done by an interrupted run: %s", short(statement))
                return
            if error.args[0] not in CONFLICTS or time.monotonic() - began > PATIENCE:
                raise
        if not waiting:
            sessions = open_transactions(cursor.connection)
            log.warning("Waiting until a table is free: %s (%s)", short(statement), sessions)
            waiting = True
        time.sleep(PAUSE)


def await_free_table(cursor, statement):
    """Raise the driver's error if a transaction holds the table that is to be altered.

    Some changes copy the table first, while writers wait, and meet that transaction only then.
    """
    if table := ALTER.match(statement):
        try:
            cursor.execute(f"LOCK TABLES {table[1]} WRITE")
            cursor.execute("UNLOCK TABLES")
        except MySQLError as error:
            if error.args[0] != ER.DBACCESS_DENIED_ERROR:
                raise


def open_transactions(connection):
    """Return the sessions with the oldest transactions, one of which may hold the table."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(OPEN_TRANSACTIONS)
        except MySQLError as error:
            return f"open transactions cannot be listed: {error.args[1]}"
        sessions = [f"{user}@{host}, id {number}: {age} s" for user, host, number, age in cursor]
        return f"open transactions: {'; '.join(sessions) or 'none'}"


@contextmanager
def progress(statement):
    """Log every few seconds that a statement is still running."""
    began, over = time.monotonic(), Event()

    def tell():
        while not over.wait(PROGRESS):
            log.info("Running for %d s: %s", time.monotonic() - began, short(statement))

    Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def short(statement):
    """Return the beginning of a statement on one line."""
    return " ".join(statement.split())[:100]
