"""Shoppers who clear and check out a cart only as it was shown to them."""

import random

from tests.support.api import CHECKOUT, CLEAR
from tests.support.shoppers import Shoppers


class CarefulShoppers(Shoppers):
    """Send If-Match with every clear and checkout, so it is known what they clear."""

    outcomes = frozenset({200, 412})

    def _checkout(self, session, _user_id):
        shown = self._send(session, "/api/order", method="GET")
        order = shown.json().get("result")
        if order and order["items"]:
            path, condition = random.choice([CHECKOUT, CLEAR]), {"If-Match": shown.headers["ETag"]}
            answer = self._send(session, path, headers=condition)
            if answer.status_code == 200:
                self._record(path, order, answer.json()["result"])

    def _record(self, path, shown, told):
        assert told["id"] == shown["id"]
        assert told["items"] == (shown["items"] if path == CHECKOUT else []), "not what was shown"
        if path == CHECKOUT:
            self.checkouts.append(told)
        else:
            for item in shown["items"]:
                line = shown["user_id"], item["product_id"]
                self._count(self.cleared, line, item["quantity"])
