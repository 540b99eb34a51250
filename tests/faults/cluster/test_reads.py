"""Nodes that are all written to: what one has answered, the others show at once."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import text

from tests.support.shopper import Shopper


@pytest.mark.parametrize("call", [Shopper.cart, Shopper.checkout])
def test_an_acknowledged_add_is_visible_on_the_next_node(services, slow_node, users, call):
    shoppers = [Shopper(service.url, users[0]) for service in services]
    with ThreadPoolExecutor(1) as thread:
        assert shoppers[0].add().status_code == 200
        answer = thread.submit(call, shoppers[1])
        waiting = wait([answer], timeout=0.5).not_done
        slow_node.execute(text("UNLOCK TABLES"))
        assert waiting
        assert answer.result().json()["result"]["items"][0]["quantity"] == 1
