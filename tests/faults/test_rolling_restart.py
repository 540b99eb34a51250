"""Instances behind a balancer are replaced one after the other, under load."""

import pytest

from tests.support.balancer import Balancer
from tests.support.needs import need_program, trials
from tests.support.shoppers import Shoppers


@pytest.fixture
def services(start, database_url):
    return [start(database_url), start(database_url)]


@pytest.fixture
def balancer(tmp_path, services):
    need_program("haproxy")
    with Balancer(tmp_path, services).running() as balancer:
        yield balancer


@trials(1, 3)
def test_instances_that_are_drained_before_they_stop_fail_no_request(
    services, balancer, users, database_url, report, trials
):
    shoppers = Shoppers([balancer.url], users)
    with shoppers.at_work():
        for name, service in zip(["one", "two"] * trials, services * trials, strict=True):
            balancer.drain(name)
            service.stop()
            service.start()
            balancer.restore(name)
    assert set(shoppers.statuses) <= {200, 404}
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    report("rolling restart behind haproxy, drained", trials, database_url, shoppers.summary())
