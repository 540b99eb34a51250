"""Nodes that are all written to: what one has answered, the others show at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import text

from tests.support.shopper import Shopper


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda shopper, _: shopper.cart(), id="show"),
        pytest.param(lambda shopper, _: shopper.checkout(), id="checkout"),
        pytest.param(lambda shopper, etag: shopper.checkout(etag), id="checkout with If-Match"),
        pytest.param(lambda shopper, _: buy(shopper), id="checkout with a key"),
        pytest.param(lambda shopper, etag: buy(shopper, etag), id="with a key and If-Match"),
    ],
)
def test_an_acknowledged_add_is_visible_on_the_next_node(services, slow_node, users, call):
    shoppers = [Shopper(service.url, users[0]) for service in services]
    with ThreadPoolExecutor(1) as thread:
        added = shoppers[0].add()
        answer = thread.submit(call, shoppers[1], added.headers["ETag"])
        waiting = wait([answer], timeout=0.5).not_done
        slow_node.execute(text("UNLOCK TABLES"))
        assert waiting
        assert answer.result().json()["result"]["items"] == added.json()["result"]["items"]


def buy(shopper, etag=None):
    headers = {"Idempotency-Key": str(uuid.uuid4())} | ({"If-Match": etag} if etag else {})
    return shopper.send("POST", "/checkout", headers=headers)
