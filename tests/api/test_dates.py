"""The dates, the version and the ETag that changes leave in an order."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.support.api import ADD, REMOVE, UPDATE, add, checkout, clear, remove, show, update
from tests.support.cart_model import foreseen
from tests.support.databases import mysql_only


def test_every_change_sets_the_date_and_increments_the_version(client, login, server):
    """Nodes of a cluster see a conflict only in a row that both transactions change."""
    began = datetime.now(UTC)
    orders, tags, versions = [], [], []
    for change in (
        lambda: add(client, login, 5),
        lambda: add(client, login, 5),
        lambda: update(client, login, 5, 7),
        lambda: add(client, login, 6),
        lambda: remove(client, login, 6),
        lambda: clear(client, login),
        lambda: add(client, login, 5),
        lambda: checkout(client, login),
    ):
        answer = change()
        orders.append(answer.json["result"])
        tags.append(answer.headers["ETag"])
        versions.append(server.scalar(text("SELECT version FROM `order`")))
        time.sleep(0.002)  # dates are shown to the millisecond
    assert versions == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [*map(foreseen, tags)] == [f'"{orders[0]["id"]}-{version}"' for version in versions]
    opened, updated = ({order[f"date_{what}"] for order in orders} for what in ("added", "updated"))
    assert len(opened) == 1
    assert len(updated) == len(orders)
    assert sorted(updated) == [order["date_updated"] for order in orders]
    for date in opened | updated:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", date)
        assert timedelta(0, -1) < datetime.fromisoformat(date) - began < timedelta(minutes=5)
    assert client.get("/api/orders").json == [orders[-1]]


def test_a_refused_change_leaves_the_date_of_the_last_change(client, login):
    cart = add(client, login).json
    for path, body in [(ADD, {}), (UPDATE, {"product_id": 9, "qty": 1}), (REMOVE, {})]:
        assert client.post(path, data=body, headers=login).status_code in (400, 404)
    assert show(client, login).json == cart


def test_dates_that_the_course_s_service_left_null_are_shown_as_null(client, login, server):
    cart = add(client, login).json["result"]
    server.execute(text("UPDATE `order` SET date_added = NULL, date_updated = NULL"))
    nulls = {"date_added": None, "date_updated": None}
    assert show(client, login).json == {"result": cart | nulls}


@pytest.mark.parametrize(
    "lines", ["UPDATE order_item SET date_added = NULL", "DELETE FROM order_item"]
)
@pytest.mark.parametrize("change", [add, clear, lambda client, login: add(client, login, 6)])
def test_an_order_whose_dates_are_null_can_be_changed(client, login, server, lines, change):
    add(client, login)
    server.execute(text("UPDATE `order` SET date_added = NULL, date_updated = NULL"))
    server.execute(text(lines))
    answer = change(client, login)
    assert (answer.status_code, answer.json["result"]["date_added"]) == (200, None)
    assert answer.json["result"]["date_updated"]


@mysql_only
def test_a_zero_date_is_shown_as_null(client, login, server):
    cart = add(client, login).json["result"]
    server.execute(text("SET SESSION sql_mode = ''"))
    server.execute(text("UPDATE `order` SET date_added = 0, date_updated = '2026-11-00'"))
    nulls = {"date_added": None, "date_updated": None}
    assert show(client, login).json == {"result": cart | nulls}
    assert add(client, login, 6).json["result"]["date_added"] is None
