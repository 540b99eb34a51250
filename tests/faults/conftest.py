"""What the fault tests share: instances of the service, and the table of what was found."""

from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.conftest import MYSQL, scratch_database
from tests.faults import MANY
from tests.faults.proxy import Proxy

ROWS = pytest.StashKey[list]()


@contextmanager
def mysql_database(folder):
    """The URL of an empty database on the server of TEST_DATABASE_URL."""
    if not MYSQL:
        pytest.skip("TEST_DATABASE_URL is not set")
    with scratch_database("mysql", folder) as url:
        yield url


@pytest.fixture
def database_url(tmp_path):
    with mysql_database(tmp_path) as url:
        yield url


@pytest.fixture
def proxy(database_url):
    with Proxy(make_url(database_url)) as proxy:
        yield proxy


@pytest.fixture
def service(database_url, start):
    return start(database_url)


@pytest.fixture
def users(user_service):
    return [user_service.add(f"shopper{n}") for n in range(4)]


@pytest.fixture
def report(request):
    """Put a row into the table: a fault, its trials, the database's URL, and what was found."""

    def report(fault: str, trials: int, url: str, found: str) -> None:
        rows = request.config.stash.setdefault(ROWS, [])
        rows.append((fault, str(trials), server_of(url), found))

    return report


def server_of(url: str) -> str:
    if url.startswith("sqlite"):
        return "SQLite"
    with create_engine(url, poolclass=NullPool).connect() as connection:
        version = connection.scalar(text("SELECT VERSION()"))
    return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {version.partition('-')[0]}"


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if not (rows and MANY):
        return
    table = [("fault", "trials", "engine", "found"), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    terminalreporter.section("faults")
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.line(f"| {' | '.join(cells)} |")
