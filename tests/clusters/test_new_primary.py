"""Another node becomes the primary, and the instances' address moves on to it."""

import time
from itertools import cycle, islice

import pytest
from sqlalchemy import text

from tests.support.api import OUTCOME_UNKNOWN
from tests.support.careful_shoppers import CarefulShoppers
from tests.support.cluster import NODES, database_on, make_primary, primary, up_to_date
from tests.support.databases import autocommit
from tests.support.needs import trials
from tests.support.primary import CUT, KEPT, primary_of
from tests.support.processes import until
from tests.support.shopper import Shopper


@pytest.fixture(params=[KEPT, CUT], ids=["kept", "cut"])
def sessions(request):
    """What happens to the connections to the former primary."""
    return request.param


@pytest.fixture
def url(nodes, sessions, tmp_path, app):
    """The primary's address."""
    with primary_of(nodes, tmp_path, sessions) as url:
        yield url


@trials(1, 3)
def test_a_switchover_under_load_fails_no_request(
    url, sessions, nodes, start, users, report, trials
):
    shoppers = CarefulShoppers([start(url).url, start(url).url], users)
    with shoppers.at_work():
        for node in islice(cycle([*NODES[1:], NODES[0]]), trials):
            time.sleep(2)  # of load
            make_primary(node)
            shoppers.await_more(200, 100)
    # A connection that is cut during COMMIT does not tell its outcome.
    assert set(shoppers.refusals) <= {OUTCOME_UNKNOWN["message"]}
    assert sessions == CUT or not shoppers.refusals
    assert shoppers.check(up_to_date(nodes[0])) == {"lost": 0, "doubled": 0}
    found = f"up to {shoppers.longest_pause:.1f} s without a 200; {shoppers.summary()}"
    report(
        f"switchover under load, sessions {'cut' if sessions else 'kept'}", trials, nodes[0], found
    )


def test_an_instance_that_only_reads_follows_within_30_seconds(url, start, users):
    writer, reader = (Shopper(start(url).url, users[0]) for _ in range(2))
    writer.add()
    for _ in range(20):  # both workers have connections
        assert reader.quantity() == 1
    former = primary()
    make_primary(next(node for node in NODES if node != former))
    with autocommit(database_on(former)) as connection:
        connection.execute(text("SET SESSION group_replication_consistency = 'EVENTUAL'"))
        connection.execute(text("FLUSH TABLES WITH READ LOCK"))  # it applies nothing any more
        try:
            until(lambda: writer.add().status_code == 200)
            began = time.monotonic()
            until(lambda: [reader.quantity() for _ in range(20)] == [2] * 20)
            assert time.monotonic() < began + 30
        finally:
            connection.execute(text("UNLOCK TABLES"))
