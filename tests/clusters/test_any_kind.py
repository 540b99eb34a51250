"""Instances on every node of a cluster, or behind one address that leads to its primary."""

import time

from tests.support.api import add, quantities, statuses
from tests.support.careful_shoppers import CarefulShoppers
from tests.support.cluster import KIND, up_to_date
from tests.support.needs import trials
from tests.support.races import Races
from tests.support.rivals import check_histories


class TestRaces(Races):
    """On all nodes at once."""


def test_a_key_is_used_once_on_all_nodes(at_once, client, login):
    def add_with_key(client, number):
        return add(client, login | {"Idempotency-Key": f"key-{number // 6}"})

    answers = at_once(add_with_key, range(300))
    assert statuses(answers) == {200: 300}
    assert quantities(client) == [[50]]


def test_shoppers_on_all_nodes_lose_nothing(services, nodes, users, report):
    shoppers = CarefulShoppers([service.url for service in services], users)
    with shoppers.at_work(threads=12):
        time.sleep(10)  # of load
    assert set(shoppers.statuses) == {200, 412}
    for node in nodes:
        assert shoppers.check(up_to_date(node)) == {"lost": 0, "doubled": 0}
    report(f"{KIND}: load of three instances", 1, nodes[0], shoppers.summary())


@trials(3, 12)
def test_histories_are_linearizable_while_workers_are_killed(
    services, nodes, user_service, report, trials
):
    found = check_histories(services, user_service, trials)
    report(f"{KIND}: histories of four clients, workers killed", trials, nodes[0], found)
