"""What the fault tests share: instances of the service, and the table of what they found."""

import pytest
from sqlalchemy import make_url

from tests.support.databases import execute_on, mysql_database
from tests.support.needs import MANY
from tests.support.proxy import Proxy
from tests.support.service import Service

ROWS = pytest.StashKey[list]()


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


@pytest.fixture(scope="package")
def shared_service(user_service, tmp_path_factory):
    """One instance for several tests, each of which has a user of its own."""
    folder = tmp_path_factory.mktemp("service")
    with (
        mysql_database(folder) as url,
        Service(url, user_service.url, folder / "service.log") as service,
    ):
        yield service


@pytest.fixture
def users(user_service):
    return [user_service.add(f"shopper{n}") for n in range(4)]


@pytest.fixture
def report(request):
    """Add a row to the table: a fault, its trials, the database's URL, what was measured."""

    def report(fault: str, trials: int, url: str, found: str) -> None:
        rows = request.config.stash.setdefault(ROWS, [])
        rows.append((fault, str(trials), server_of(url), found))

    return report


def server_of(url: str) -> str:
    if url.startswith("sqlite"):
        return "SQLite"
    version = execute_on(url, "SELECT VERSION()")
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
