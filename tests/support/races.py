"""The rules of the data under parallel requests.

A test class inherits them and brings a fixture ``at_once``: it calls a function with a client and
each of the arguments, 16 at a time, and lists the results.
"""

from collections import Counter

import pytest

from tests.support.api import add, checkout, clear, quantities, remove, show, statuses, update
from tests.support.needs import MANY

THREADS = 16
CALLS = 800 if MANY else 160
CHANGES = [add, update, remove, clear, checkout]


class Races:
    def test_first_adds_of_many_users_open_one_order_each(self, at_once, client, user_service):
        logins = [{"Authorization": user_service.add(f"u{n}")["api_key"]} for n in range(20)]
        answers = at_once(add, [login for login in logins for _ in range(THREADS)])
        assert statuses(answers) == {200: 20 * THREADS}
        assert quantities(client) == [[THREADS]] * 20

    def test_parallel_adds_to_one_cart_are_all_counted(self, at_once, client, login):
        answers = at_once(add, [login] * CALLS)
        assert statuses(answers) == {200: CALLS}
        assert quantities(client) == [[CALLS]]

    def test_a_cart_is_checked_out_once(self, at_once, client, login):
        for _ in range(5):
            add(client, login)
            assert statuses(at_once(checkout, [login] * THREADS)) == {200: 1, 404: THREADS - 1}

    def test_an_add_during_a_checkout_lands_in_exactly_one_order(self, at_once, client, login):
        def act(client, number):
            return (
                checkout(client, login) if number % 8 == 0 else add(client, login, number % 3 + 1)
            )

        answers = at_once(act, range(CALLS))
        closed = [a.json["result"] for a in answers if a.status_code == 200 and not is_open(a)]
        assert set(statuses(answers)) <= {200, 404}
        assert sum(sum(lines) for lines in quantities(client)) == CALLS * 7 // 8
        orders = {order["id"]: order for order in client.get("/api/orders").json}
        assert sum(order["is_open"] for order in orders.values()) <= 1
        assert {order["id"]: order for order in closed} == {
            number: order for number, order in orders.items() if not order["is_open"]
        }

    def test_a_line_is_removed_once(self, at_once, client, login):
        def act(client, number):
            return remove(client, login) if number % 4 == 0 else add(client, login)

        answers = at_once(act, range(CALLS))
        adds, removed = CALLS * 3 // 4, sum(a.status_code == 200 for a in answers[::4])
        assert statuses(answers) == Counter({200: adds + removed, 404: CALLS - adds - removed})
        assert removed > 0
        after = [a.json["result"]["items"] for a in answers if a.status_code == 200]
        assert sum(items == [] for items in after) == removed
        assert sum(items != [] and items[0]["quantity"] == 1 for items in after) >= removed
        add(client, login)
        assert statuses(at_once(remove, [login] * THREADS)) == {200: 1, 404: THREADS - 1}

    def test_a_change_during_a_checkout_never_changes_the_closed_order(
        self, at_once, client, login
    ):
        def act(client, number):
            product_id = number % 3 + 1
            if number % 8 == 0:
                return checkout(client, login)
            if number % 8 == 1:
                return remove(client, login, product_id)
            if number % 8 < 4:
                return update(client, login, product_id, number)
            return add(client, login, product_id)

        answers = at_once(act, range(CALLS))
        assert set(statuses(answers)) <= {200, 404, 409}
        closed = [a.json["result"] for a in answers if a.status_code == 200 and not is_open(a)]
        assert closed
        stored = {order["id"]: order for order in client.get("/api/orders").json}
        assert [stored[order["id"]] for order in closed] == closed

    @pytest.mark.parametrize("changes", [[add], [clear], [checkout], CHANGES])
    def test_of_requests_with_the_same_if_match_one_succeeds(self, at_once, client, login, changes):
        for _ in range(5):
            headers = login | {"If-Match": add(client, login).headers["ETag"]}

            def act(client, number, headers=headers):
                return changes[number % len(changes)](client, headers)

            answers = at_once(act, range(THREADS))
            assert statuses(answers) == {200: 1, 412: THREADS - 1}
            answer = next(answer for answer in answers if answer.status_code == 200)
            stored = client.get(f"/api/order/{answer.json['result']['id']}", headers=login)
            assert stored.json == answer.json
            assert stored.headers["ETag"] == answer.headers["ETag"] != headers["If-Match"]

    def test_what_is_checked_out_is_what_was_seen(self, at_once, client, login):
        def act(client, number):
            return buy(client, login) if number % 8 == 0 else add(client, login, number % 3 + 1)

        tries = [pair for pairs in at_once(act, range(CALLS))[::8] for pair in pairs]
        assert set(statuses(answer for _, answer in tries)) == {200, 412}
        bought = [(seen, answer) for seen, answer in tries if answer.status_code == 200]
        assert bought
        stored = {order["id"]: order for order in client.get("/api/orders").json}
        for seen, answer in bought:
            order = answer.json["result"]
            assert stored[order["id"]] == order
            assert [order["id"], order["items"]] == [seen["id"], seen["items"]]


def buy(client, login):
    """Check out what is shown, or look again if it changes; return pairs of what and an answer."""
    tries = []
    while "result" in (seen := show(client, login)).json:
        answer = checkout(client, login | {"If-Match": seen.headers["ETag"]})
        tries.append((seen.json["result"], answer))
        if answer.status_code == 200:
            break
    return tries


def is_open(answer):
    return answer.json["result"]["is_open"]
