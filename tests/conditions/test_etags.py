"""ETags, and orders that are not sent to callers who have them, on every engine."""

import pytest
from sqlalchemy import text

from application import db
from tests.support.api import CHECKOUT, add, checkout, remove, show
from tests.support.databases import delete_all


@pytest.fixture
def seen(client, login):
    """The answer that shows a cart of one line."""
    return add(client, login, 5)


def path_of(answer):
    return f"/api/order/{answer.json['result']['id']}"


def test_all_answers_that_show_the_order_have_the_same_etag(client, login, seen):
    for path in ("/api/order", path_of(seen)):
        assert client.get(path, headers=login).headers["ETag"] == seen.headers["ETag"]
        assert client.head(path, headers=login).headers["ETag"] == seen.headers["ETag"]
    closed = checkout(client, login)
    assert closed.headers["ETag"] != seen.headers["ETag"]
    assert client.get(path_of(seen), headers=login).headers["ETag"] == closed.headers["ETag"]


def test_what_changes_nothing_leaves_the_etag(client, login, seen):
    remove(client, login, 9)
    add(client, login, 5, 0)
    checkout(client, login | {"If-Match": '"1-0"'})
    assert show(client, login).headers["ETag"] == seen.headers["ETag"]


def test_an_answer_without_an_order_has_no_etag(client, login):
    for answer in (show(client, login), checkout(client, login), client.get("/api/orders")):
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("form", ["{}", "W/{}", '"1-1", {}', '"a,b" , {} ,', "*"])
def test_an_order_that_the_caller_has_is_not_sent_again(client, login, seen, form):
    headers = login | {"If-None-Match": form.format(seen.headers["ETag"])}
    for path in ("/api/order", path_of(seen)):
        for method in ("GET", "HEAD"):
            answer = client.open(path, method=method, headers=headers)
            assert (answer.status_code, answer.data) == (304, b"")
            assert answer.headers["ETag"] == seen.headers["ETag"]
            assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("form", ['"{0}-2"', '"1{0}-1"', "", '"{0}"', '"{0}-1', '"*"'])
def test_an_order_that_the_caller_has_not_is_sent(client, login, seen, form):
    headers = login | {"If-None-Match": form.format(seen.json["result"]["id"])}
    for path in ("/api/order", path_of(seen)):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json) == (200, seen.json)


@pytest.mark.parametrize(("form", "status"), [("{}", 200), ("*", 200), ("W/{}", 412), ("", 412)])
def test_if_match_of_a_get_is_decided_too(client, login, seen, form, status):
    """As RFC 9110, section 13.1.1, demands of every method."""
    headers = login | {"If-Match": form.format(seen.headers["ETag"])}
    for path in ("/api/order", path_of(seen)):
        assert client.get(path, headers=headers).status_code == status


def test_a_user_without_an_order_gets_the_message_whatever_the_caller_has(client, login):
    answer = client.get("/api/order", headers=login | {"If-None-Match": "*"})
    assert (answer.status_code, answer.json) == (200, {"message": "No order found"})


def dump(server):
    """Return the rows of all tables."""
    return {table: server.execute(table.select()).all() for table in db.metadata.sorted_tables}


def restore(app, server, rows):
    """Put the rows of a dump in place of those that the tables have."""
    delete_all(app)
    for table, copies in rows.items():
        stored = [column.name for column in table.columns if column.computed is None]
        for copy in copies:
            server.execute(table.insert(), {name: getattr(copy, name) for name in stored})


@pytest.mark.usefixtures("seen")
def test_a_restored_database_never_reuses_an_etag_for_another_order(app, client, login, server):
    """Its versions are counted again from where the copy was made."""
    copy = dump(server)
    lost = add(client, login, 5, 2)
    restore(app, server, copy)
    now = add(client, login, 777, 9)
    assert show(client, login | {"If-None-Match": lost.headers["ETag"]}).json == now.json
    buying = client.post(CHECKOUT, headers=login | {"If-Match": lost.headers["ETag"]})
    assert buying.status_code == 412
    assert show(client, login).json == now.json


def test_the_same_change_after_a_restore_has_another_etag(app, client, login, server, seen):
    """It shows another time."""
    copy = dump(server)
    lost = add(client, login, 5)
    restore(app, server, copy)
    assert show(client, login).headers["ETag"] == seen.headers["ETag"]
    again = add(client, login, 5)
    assert again.json != lost.json
    assert again.headers["ETag"] != lost.headers["ETag"]


def test_a_line_that_is_changed_by_sql_has_another_etag(client, login, server, seen):
    server.execute(text("UPDATE order_item SET quantity = 7"))
    answer = show(client, login | {"If-None-Match": seen.headers["ETag"]})
    assert answer.json["result"]["items"][0]["quantity"] == 7
