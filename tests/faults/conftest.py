"""What the fault tests share: instances of the service. All of them are slow."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.databases import mysql_database
from tests.support.mariadb import MariaDB
from tests.support.needs import need_program
from tests.support.proxy import Proxy
from tests.support.service import Service

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker("slow")


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
def server(tmp_path):
    """A server of MariaDB, which the test may stop or lock."""
    need_program("mariadbd")
    server = MariaDB(tmp_path).start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="package")
def shared_service(user_service, tmp_path_factory):
    """One instance for several tests, each of which has a user of its own."""
    folder = tmp_path_factory.mktemp("service")
    with (
        mysql_database(folder) as url,
        Service(url, user_service.url, folder / "service.log") as service,
    ):
        yield service
