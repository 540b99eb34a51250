"""DATABASE_URL: a value that cannot be used is refused without showing a password."""

import re
import sqlite3
from urllib.parse import unquote

from pymysql import Connection
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

FORMS = "mysql+pymysql://user:password@host/name or sqlite:////folder/file.db"
DRIVERS = {"mysql+pymysql", "mariadb+pymysql", "sqlite", "sqlite+pysqlite"}
USER_AND_PASSWORD = re.compile(r"[^:/]*(:[^@]*)?@")  # as SQLAlchemy finds them


def parse(text: str, password: str = "") -> URL:
    """Return the URL of a database, ready for the driver.

    A ``password`` replaces the one in the URL, and is not encoded. Raises SystemExit with one line
    that names DATABASE_URL.
    """
    if not text:
        raise SystemExit(f"DATABASE_URL must be set, as in {FORMS}")
    try:
        url = make_url(text)
        (url.host or "").encode("idna")  # else the driver fails while it connects
        fits = 0 <= (url.port or 0) < 65536 and text.isprintable()
    except (ArgumentError, ValueError):
        fits = False
    if not fits or url.drivername not in DRIVERS:
        raise SystemExit(f"DATABASE_URL must be a URL, as in {FORMS}")
    sqlite = url.get_backend_name() == "sqlite"
    url = _file(url, password) if sqlite else _server(url, text, password)
    try:  # the driver takes the URL's options, and does not connect
        _, options = url.get_dialect()().create_connect_args(url)
        if sqlite:
            sqlite3.connect(":memory:", **options).close()
        else:
            Connection(**options, defer_connect=True)
    except Exception as error:
        raise SystemExit(f"DATABASE_URL: the driver refuses its options: {error}") from None
    return url


def _file(url: URL, password: str) -> URL:
    in_memory = url.query.get("mode") == "memory" or ":memory:" in (url.database or ":memory:")
    if in_memory or url.host:  # in memory, each connection would have a database of its own
        raise SystemExit("DATABASE_URL must name a file, as in sqlite:////folder/file.db")
    if password:
        raise SystemExit("DATABASE_PASSWORD needs a DATABASE_URL with a server, not a file")
    return url


def _server(url: URL, text: str, password: str) -> URL:
    rest = text.partition("://")[2]
    login = match.group() if (match := USER_AND_PASSWORD.match(rest)) else ""
    clear = "@" not in rest[len(login) :] and not re.search("%(?![0-9A-Fa-f]{2})", login)
    if not clear or "\N{REPLACEMENT CHARACTER}" in unquote(login):
        # A part of the password would be taken, and logged, for the host.
        raise SystemExit(
            "DATABASE_URL: encode user and password (@ as %40, % as %25, / as %2F),"
            " or set DATABASE_PASSWORD"
        )
    if not url.database:
        raise SystemExit(f"DATABASE_URL must name a database, as in {FORMS}")
    # PyMySQL sends a password in latin-1; the server compares it in UTF-8.
    sent = (password or url.password or "").encode("utf-8", "surrogateescape").decode("latin-1")
    # The models' types and the tables' options are named after "mysql", MariaDB's too.
    return url.set(drivername="mysql+pymysql", password=sent or None)
