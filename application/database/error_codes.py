"""What an error of the database means, told by its code.

SQLite's codes are below 256, MySQL's and MariaDB's above 1000. Below that, MySQL's are those of its
operating system.
"""

import sqlite3
from ssl import SSLEOFError

from pymysql.constants import ER
from sqlalchemy.exc import DBAPIError

# The transaction is rolled back, at COMMIT too: row changed since read, rival's first add, lock
# wait timeout, deadlock (Galera's conflicts), and the two of Group Replication.
CONFLICTS = {
    *(ER.CHECKREAD, ER.DUP_ENTRY, ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK),
    *(ER.ERROR_DURING_COMMIT, 3101),
}
# Another connection writes to SQLite's file. SQLite itself waits for it, except when both are the
# first ones on a new file and set it to WAL mode.
BUSY = sqlite3.SQLITE_BUSY
# The server, the transaction or InnoDB is read-only. Nothing is changed, even if COMMIT says so.
READ_ONLY = {ER.OPTION_PREVENTS_STATEMENT, 1792, 1836}
# A node that has lost its cluster: Galera, Group Replication. At COMMIT, the outcome is unknown.
OUT_OF_CLUSTER = {ER.UNKNOWN_COM_ERROR, 3100}
PASSING = {
    *CONFLICTS,
    *READ_ONLY,
    *OUT_OF_CLUSTER,
    *(3796, 3797),  # Group Replication cannot catch up
    *(ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED),
    *(ER.SERVER_SHUTDOWN, 3032),  # 3032: offline mode
    *(ER.QUERY_INTERRUPTED, ER.STATEMENT_TIMEOUT, ER.QUERY_TIMEOUT),  # by the server's operator
    *(ER.DISK_FULL, ER.RECORD_FILE_FULL, ER.ERROR_ON_WRITE, ER.GET_ERRNO, 3),  # 3: cannot write
    # SQLite: busy, locked, out of memory, read-only, interrupted, I/O, full, cannot open, WAL lock
    *(5, 6, 7, 8, 9, 10, 13, 14, 15),
}
NO_SUCH_TABLE_OR_COLUMN = {ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, 1}  # 1: SQLite's general error
RETRY_AFTER = 2  # seconds that an answer asks for if the failure passes
ENDED = BrokenPipeError, ConnectionResetError, SSLEOFError


def code(error: BaseException | None) -> object:
    """Return the code of a driver's error, SQLite's without its details; None if it has none."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF
    return error.args[0] if error and error.args else None


def passes(error: DBAPIError) -> bool:
    """Return whether the same request may succeed later, without a change of the code."""
    could_not_connect = error.statement is None
    return could_not_connect or error.connection_invalidated or code(error.orig) in PASSING


def lost_connection(error: DBAPIError) -> bool:
    """Return whether a connection ended, its handshake included."""
    cause = getattr(error.orig, "original_exception", None)  # PyMySQL's, if it cannot connect
    return error.connection_invalidated or isinstance(cause, ENDED)
