"""A node is killed under load: the primary, if there is one."""

import time

from tests.support.careful_shoppers import CarefulShoppers
from tests.support.cluster import KIND, NODES, ONE_PRIMARY, kill, primary, up_to_date
from tests.support.shopper import Shopper


def test_a_node_killed_under_load_loses_nothing(services, nodes, users, report):
    victim = NODES.index(primary()) if KIND == ONE_PRIMARY else 2
    survivor = nodes[victim - 1]
    shoppers = CarefulShoppers([service.url for service in services], users)
    with shoppers.at_work(threads=12):
        time.sleep(3)  # of load
        kill(NODES[victim])
        time.sleep(1)  # or a last answer from before the kill is counted
        shoppers.await_more(200, 500)
    assert set(shoppers.statuses) <= {200, 412, 503}
    assert shoppers.check(up_to_date(survivor)) == {"lost": 0, "doubled": 0}
    if KIND != ONE_PRIMARY:
        assert Shopper(services[victim].url, users[0]).add().status_code == 503
    found = f"up to {shoppers.longest_pause:.1f} s without a 200; {shoppers.summary()}"
    report(f"{KIND}: node killed under load", 1, survivor, found)
