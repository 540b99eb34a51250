"""A database as the course's service leaves it is adopted."""

import logging
import re
from contextlib import contextmanager

import pytest
from flask_migrate import check, downgrade, stamp, upgrade
from sqlalchemy import Engine, event

from tests.support.course import (
    LINE,
    ORDER,
    SUMS,
    everything,
    insert_course_data,
    replace_nulls,
)
from tests.support.databases import application_on, execute

OF_COURSE = "UPDATE alembic_version SET version_num = 'of the course'"


@pytest.fixture
def course(new_database):
    """The course's schema without orders, on an application with its context."""
    with application_on(new_database) as app, app.app_context():
        upgrade(revision="0001")
        yield


def test_without_orders_the_log_does_not_tell_of_adoption(new_database, caplog):
    caplog.set_level("INFO", "alembic")
    with application_on(new_database) as app, app.app_context():
        upgrade()
    loggers = {record.name for record in caplog.records}
    assert loggers == {"alembic.runtime.migration", "alembic.env"}


@pytest.mark.usefixtures("course")
def test_a_single_order_is_adopted_whatever_its_id():
    execute("INSERT INTO `order` (id, user_id) VALUES (0, 7)")
    upgrade()
    assert [tuple(row) for row in execute("SELECT user_id, is_open FROM `order`")] == [(7, 0)]


@contextmanager
def after_each_statement(call):
    """Call a function with each SQL statement that any engine has executed."""

    def listener(_connection, _cursor, statement, *_):
        call(statement)

    event.listen(Engine, "after_cursor_execute", listener)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", listener)


def lines_of(order_id):
    rows = execute(f"SELECT product_id, quantity FROM order_item WHERE order_id = {order_id}")
    return {row.product_id: row.quantity for row in rows}


@pytest.mark.usefixtures("course")
def test_a_course_database_is_adopted_and_no_quantity_is_lost():
    execute(OF_COURSE)
    insert_course_data()
    replace_nulls()
    before = execute(SUMS)

    stamp(revision="0001", purge=True)
    upgrade()

    assert execute(SUMS) == before
    open_orders = execute("SELECT user_id, id FROM `order` WHERE is_open ORDER BY 1")
    assert [tuple(row) for row in open_orders] == [(1, 1), (2, 8), (3, 10)]
    check()
    downgrade(revision="0001")
    assert execute(SUMS) == before


@pytest.mark.usefixtures("course")
def test_lines_below_1_are_removed_after_merging_and_only_from_open_orders():
    insert_course_data()
    upgrade()
    assert execute("SELECT is_open FROM `order` WHERE id = 9") == [(0,)]  # it was NULL
    assert lines_of(8) == {}  # its only line was NULL
    assert lines_of(10) == {5: 2}  # 5 and -3; without -3 and 0
    assert lines_of(12) == {5: -3, 6: 0}  # closed; 0 was NULL


@pytest.mark.usefixtures("course")
def test_the_log_has_one_line_for_each_kind_of_change(caplog):
    insert_course_data()
    with caplog.at_level(logging.INFO, "alembic"):
        upgrade()
    for summary in (
        'NULLs replaced in "order".is_open: 1',
        "NULLs replaced in order_item.quantity: 2",
        "Orders merged: 7 open orders of 2 users into the oldest of each",
        "Lines merged: 19 lines into 4",
        "Lines removed: 3 below 1 in open orders",
    ):
        assert caplog.messages.count(summary) == 1, caplog.text
    assert "of user 1" not in caplog.text


@pytest.mark.usefixtures("course")
def test_the_log_has_each_change_at_debug(caplog):
    insert_course_data()
    with caplog.at_level(logging.DEBUG, "alembic.adoption"):
        upgrade()
    for detail in (
        "Order 2 of user 1 goes into 1",
        "10 lines of product 7 in order 1 become one: 30",
        "Line with -3 of product 6 in order 10 is removed",
    ):
        assert caplog.messages.count(detail) == 1, caplog.text


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize(
    "last", ['UPDATE `?"?order', "UPDATE order_item", "DELETE FROM order_item"]
)
def test_an_upgrade_that_ends_between_its_changes_has_changed_nothing(last):
    insert_course_data()
    before = everything()

    def end(statement):
        if re.match(last, statement):
            raise KeyboardInterrupt

    with after_each_statement(end), pytest.raises(KeyboardInterrupt):
        upgrade()
    assert everything() == before
    upgrade()
    check()


@pytest.mark.usefixtures("course")
def test_the_number_of_statements_does_not_depend_on_the_number_of_users():
    upgrade()
    downgrade(revision="0001")  # leaves an index that the next upgrade drops
    numbers = []
    for first, users in ((1, 2), (1001, 60)):
        for user in range(first, first + users):
            execute(f"{ORDER}({2 * user}, {user}, 1), ({2 * user + 1}, {user}, 1)")
            execute(f"{LINE}({2 * user}, {2 * user}, 7, 1), ({2 * user + 1}, {2 * user}, 7, 1)")
        statements = []
        with after_each_statement(statements.append):
            upgrade(revision="0002")
        numbers.append(len(statements))
        downgrade(revision="0001")
    assert numbers[0] == numbers[1] > 0
