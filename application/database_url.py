"""DATABASE_URL: a value that cannot be used is refused without showing any part of it."""

import re
import sqlite3
from urllib.parse import unquote
from warnings import catch_warnings, simplefilter

from pymysql import Connection
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, SAWarning

FORMS = "mysql+pymysql://user:password@host/name or sqlite:////folder/file.db"
USER_AND_PASSWORD = re.compile(r"[^:/]*(:[^@]*)?@")  # as SQLAlchemy finds them
# Options that others need: ssl_cert is read with its key, and SQLite's own need "uri".
ORDER = {"uri": -1, "ssl_cert": 1}
# PyMySQL takes them as text, in which "false" is true.
ONLY_TRUE = {"ssl_disabled", "ssl_verify_identity"}


def parse(text: str, password: str = "") -> URL:
    """Return the URL of a database, ready for the driver.

    A ``password`` replaces the one in the URL, and is not encoded. Raises SystemExit with one line
    that names DATABASE_URL, and the option that is at fault.
    """
    if not text:
        raise SystemExit(f"DATABASE_URL must be set, as in {FORMS}")
    try:
        url = make_url(text)
        driver = url.get_dialect().driver
        (url.host or "").encode("idna")  # else the driver fails while it connects
        fits = 0 <= (url.port or 0) < 65536 and text.isprintable()
    except (ArgumentError, ValueError):
        fits = False
    if not fits or driver not in {"pymysql", "pysqlite"}:
        raise SystemExit(f"DATABASE_URL must be a URL, as in {FORMS}")
    if driver == "pymysql":
        _check_encoding(text)
        # PyMySQL sends a password in latin-1; the server compares it in UTF-8.
        sent = (password or url.password or "").encode("utf-8", "surrogateescape")
        url = url.set(password=sent.decode("latin-1") or None)
    elif password:
        raise SystemExit("DATABASE_PASSWORD needs a DATABASE_URL with a server, not a file")
    _check_options(url)
    _check_name(url, driver)
    return url


def _check_encoding(text: str) -> None:
    rest = text.partition("://")[2]
    login = match.group() if (match := USER_AND_PASSWORD.match(rest)) else ""
    try:
        unquote(login, errors="strict")
        clear = not re.search("%(?![0-9A-Fa-f]{2})", login) and "@" not in rest[len(login) :]
    except UnicodeDecodeError:
        clear = False
    if not clear:
        # Otherwise a part of the password would be taken, and logged, for the host.
        raise SystemExit(
            "DATABASE_URL: encode user and password (@ as %40, % as %25, / as %2F),"
            " or set DATABASE_PASSWORD"
        )


def _check_options(url: URL) -> None:
    """Let the driver take one option after the other; it does not connect."""
    tried: dict[str, str | tuple[str, ...]] = {}
    for name in sorted(url.query, key=lambda name: ORDER.get(name, 0)):
        tried[name] = url.query[name]
        try:
            if name in ONLY_TRUE and tried[name] not in {"true", "1"}:
                raise ValueError
            _try_options(url.set(query=tried))
        except OSError as error:  # a file of TLS
            raise SystemExit(f"DATABASE_URL: {name}: {error.strerror}") from None
        except Exception:
            raise SystemExit(
                f"DATABASE_URL: the option {name} is unknown or cannot have this value"
            ) from None


def _try_options(url: URL) -> None:
    dialect = url.get_dialect()()
    with catch_warnings():
        simplefilter("error", SAWarning)  # about an option that SQLite does not know
        _, options = dialect.create_connect_args(url)
    if dialect.driver == "pysqlite":
        sqlite3.connect(":memory:", **options).close()
    else:
        Connection(**options, defer_connect=True)


def _check_name(url: URL, driver: str) -> None:
    if driver == "pymysql" and not url.database:
        raise SystemExit(f"DATABASE_URL must name a database, as in {FORMS}")
    in_memory = url.query.get("mode") == "memory" or ":memory:" in (url.database or ":memory:")
    if driver == "pysqlite" and (in_memory or url.host):
        # In memory, each connection would have a database of its own.
        raise SystemExit("DATABASE_URL must name a file, as in sqlite:////folder/file.db")
