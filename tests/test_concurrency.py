"""The rules of the data under parallel requests: 16 threads on connections of their own."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

THREADS = 16


@pytest.fixture
def at_once(app):
    """Call a function with each of the arguments, 16 at a time, and list its results."""

    def run(function, arguments):
        with ThreadPoolExecutor(THREADS) as threads:
            calls = [threads.submit(function, app.test_client(), item) for item in arguments]
            return [call.result() for call in calls]

    return run


def add(client, login, product_id=5):
    body = {"product_id": product_id, "qty": 1}
    return client.post("/api/order/add-item", json=body, headers=login)


def checkout(client, login):
    return client.post("/api/order/checkout", headers=login)


def update(client, login, product_id=5, quantity=1):
    body = {"product_id": product_id, "qty": quantity}
    return client.post("/api/order/update-item", json=body, headers=login)


def remove(client, login, product_id=5):
    body = {"product_id": product_id}
    return client.post("/api/order/remove-item", json=body, headers=login)


def statuses(answers):
    return Counter(answer.status_code for answer in answers)


def quantities(client):
    orders = client.get("/api/orders").json
    return [[item["quantity"] for item in order["items"]] for order in orders]


def test_first_adds_of_many_users_open_one_order_each(at_once, client, user_service):
    logins = [{"Authorization": user_service.add(f"u{n}")["api_key"]} for n in range(50)]
    answers = at_once(add, [login for login in logins for _ in range(THREADS)])
    assert statuses(answers) == {200: 50 * THREADS}
    assert quantities(client) == [[THREADS]] * 50


def test_adds_to_one_cart_sum_up_exactly(at_once, client, login):
    answers = at_once(add, [login] * THREADS * 25)
    assert statuses(answers) == {200: THREADS * 25}
    assert quantities(client) == [[THREADS * 25]]


def test_a_cart_is_checked_out_once(at_once, client, login):
    for _ in range(5):
        add(client, login)
        assert statuses(at_once(checkout, [login] * THREADS)) == {200: 1, 404: THREADS - 1}


def test_adds_that_race_checkouts_land_in_an_order_exactly_once(at_once, client, login):
    def act(client, number):
        return checkout(client, login) if number % 8 == 0 else add(client, login, number % 3 + 1)

    answers = at_once(act, range(400))
    closed = [a.json["result"] for a in answers if a.status_code == 200 and not is_open(a)]
    assert set(statuses(answers)) <= {200, 404}
    assert sum(sum(lines) for lines in quantities(client)) == 350
    orders = {order["id"]: order for order in client.get("/api/orders").json}
    assert sum(order["is_open"] for order in orders.values()) <= 1
    assert {order["id"]: order for order in closed} == {
        number: order for number, order in orders.items() if not order["is_open"]
    }


def test_each_add_is_removed_at_most_once(at_once, client, login):
    def act(client, number):
        return remove(client, login) if number % 4 == 0 else add(client, login)

    answers = at_once(act, range(400))
    removed = sum(a.status_code == 200 for a in answers[::4])
    assert statuses(answers) == Counter({200: 300 + removed, 404: 100 - removed})
    assert removed > 0
    after = [a.json["result"]["items"] for a in answers if a.status_code == 200]
    assert sum(items == [] for items in after) == removed
    assert sum(items != [] and items[0]["quantity"] == 1 for items in after) >= removed
    add(client, login)
    assert statuses(at_once(remove, [login] * THREADS)) == {200: 1, 404: THREADS - 1}


def test_edits_that_race_checkouts_never_change_a_closed_order(at_once, client, login):
    def act(client, number):
        product_id = number % 3 + 1
        if number % 8 == 0:
            return checkout(client, login)
        if number % 8 == 1:
            return remove(client, login, product_id)
        if number % 8 < 4:
            return update(client, login, product_id, number)
        return add(client, login, product_id)

    answers = at_once(act, range(400))
    assert set(statuses(answers)) <= {200, 404, 409}
    closed = [a.json["result"] for a in answers if a.status_code == 200 and not is_open(a)]
    assert len(closed) > 5
    stored = {order["id"]: order for order in client.get("/api/orders").json}
    assert [stored[order["id"]] for order in closed] == closed


def is_open(answer):
    return answer.json["result"]["is_open"]
