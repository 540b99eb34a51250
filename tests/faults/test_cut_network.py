"""A network between the service and its database that swallows packets, and tells nobody."""

import time

import pytest

from tests.support.mariadb import MariaDB
from tests.support.namespace import Namespace
from tests.support.needs import need_program
from tests.support.shoppers import Shoppers

CUT = 70  # seconds
SOON = 15  # seconds in which everybody is served again; without WAIT_TIMEOUT it took 45


@pytest.fixture
def namespace():
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def database(namespace, tmp_path):
    need_program("mariadbd")
    program = namespace.program("mariadbd")
    database = MariaDB(tmp_path, "--skip-grant-tables", host=namespace.host, program=program)
    yield database.start()
    database.kill()


def test_everybody_is_served_soon_after_it_is_healed(
    namespace, database, start, user_service, report
):
    """The database ends the sessions whose packets are lost, and gives up their locks."""
    users = [user_service.add(f"shopper{number}") for number in range(24)]
    service = start(database.url, USER_CACHE_TTL="600")
    shoppers = Shoppers([service.url], users)
    with shoppers.at_work(threads=len(users)):
        shoppers.await_more(200, 200)
        with namespace.cut():
            time.sleep(CUT)
        healed = time.monotonic()
    took = time.monotonic() - healed
    assert took < SOON
    assert shoppers.check(database.url) == {"lost": 0, "doubled": 0}
    told = f"all served {took:.1f} s after {CUT} s: {shoppers.summary()}"
    report("network cut", 1, database.url, told)
