"""A server that fails on demand."""

from contextlib import contextmanager

from tests.support.databases import engines_of


@contextmanager
def failing(app, server, action, table, code, times=1):
    """Let the server itself fail ``times`` times with an error.

    The count is a variable of the connection, which a rollback does not reset.
    """
    engine, _ = engines_of(app)
    engine.dispose()  # so that there is one connection, and one count
    server.exec_driver_sql(
        f"CREATE TRIGGER fail BEFORE {action} ON {table} FOR EACH ROW"
        f" IF COALESCE(@failures, 0) < {times} THEN"
        "  SET @failures = COALESCE(@failures, 0) + 1;"
        f" SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'secret';"
        " END IF"
    )
    try:
        yield
    finally:
        server.exec_driver_sql("DROP TRIGGER fail")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT @failures").scalar() == times
