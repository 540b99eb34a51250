"""The migrations, up and down, and a database as the course's service leaves it."""

import pytest
import sqlalchemy as sa
from flask_migrate import check, downgrade, stamp, upgrade
from sqlalchemy.exc import IntegrityError

from application import db
from tests.conftest import application_on

SUMS = sa.text(
    "SELECT user_id, is_open, product_id, SUM(quantity) FROM `order` JOIN order_item"
    " ON order_id = `order`.id GROUP BY user_id, is_open, product_id ORDER BY 1, 2, 3"
)


@pytest.fixture
def empty(new_database):
    """An application on an empty database, with its context."""
    with application_on(new_database) as app, app.app_context():
        yield


def execute(statement):
    with db.engine.begin() as connection:
        result = connection.execute(sa.text(statement) if isinstance(statement, str) else statement)
        return result.all() if result.returns_rows else None


def course_data():
    for number in range(1, 6):  # five open orders of user 1, doubled lines in each
        execute(f"INSERT INTO `order` (id, user_id, is_open) VALUES ({number}, 1, 1)")
        for product_id in (7, 8, 7):
            execute(
                "INSERT INTO order_item (order_id, product_id, quantity)"
                f" VALUES ({number}, {product_id}, {number})"
            )
    execute("INSERT INTO `order` (id, user_id, is_open) VALUES (6, 1, 0), (7, 1, 0), (8, 2, 1)")
    execute("INSERT INTO `order` (id, user_id, is_open) VALUES (9, 2, NULL)")
    execute(
        "INSERT INTO order_item (order_id, product_id, quantity)"
        " VALUES (6, 7, 3), (6, 7, 4), (7, 7, 1), (8, 9, NULL), (9, 9, 2)"
    )


def mend_nulls():
    execute("UPDATE `order` SET is_open = 0 WHERE is_open IS NULL")
    execute("UPDATE order_item SET quantity = 0 WHERE quantity IS NULL")


@pytest.mark.usefixtures("empty")
def test_up_down_and_up_again_leave_what_the_models_say():
    upgrade()
    check()
    downgrade(revision="0001")
    upgrade()
    check()
    downgrade(revision="base")
    assert set(sa.inspect(db.engine).get_table_names()) == {"alembic_version"}


@pytest.mark.usefixtures("empty")
def test_a_course_database_is_adopted_with_nothing_lost():
    upgrade(revision="0001")
    execute("UPDATE alembic_version SET version_num = 'of the course'")
    course_data()
    mend_nulls()
    before = execute(SUMS)

    stamp(revision="0001", purge=True)
    upgrade()

    assert execute(SUMS) == before
    open_orders = execute("SELECT user_id, id FROM `order` WHERE is_open ORDER BY 1")
    assert [tuple(row) for row in open_orders] == [(1, 1), (2, 8)]
    check()
    downgrade(revision="0001")
    assert execute(SUMS) == before


@pytest.mark.usefixtures("empty")
def test_nulls_of_a_course_database_count_as_closed_and_as_nothing():
    upgrade(revision="0001")
    course_data()
    upgrade()
    assert execute("SELECT is_open FROM `order` WHERE id = 9") == [(0,)]
    assert execute("SELECT quantity FROM order_item WHERE order_id = 8") == [(0,)]


@pytest.mark.usefixtures("empty")
def test_a_sum_that_no_column_can_hold_stops_the_migration_before_it_changes_anything():
    upgrade(revision="0001")
    execute("INSERT INTO `order` (id, user_id, is_open) VALUES (1, 1, 1), (2, 1, 1)")
    execute("INSERT INTO order_item (order_id, product_id, quantity) VALUES (1, 7, 2147483647)")
    execute("INSERT INTO order_item (order_id, product_id, quantity) VALUES (2, 7, 1)")
    with pytest.raises(ValueError, match="order 1, product 7: 2147483648 is too much"):
        upgrade()
    assert execute("SELECT order_id FROM order_item ORDER BY 1") == [(1,), (2,)]


@pytest.mark.usefixtures("empty")
def test_the_database_itself_allows_one_open_order_and_one_line():
    upgrade()
    execute("INSERT INTO `order` (id, user_id, is_open) VALUES (1, 1, 1), (2, 1, 0), (3, 1, 0)")
    with pytest.raises(IntegrityError):
        execute("INSERT INTO `order` (user_id, is_open) VALUES (1, 1)")
    execute("INSERT INTO order_item (order_id, product_id, quantity) VALUES (1, 7, 1)")
    with pytest.raises(IntegrityError):
        execute("INSERT INTO order_item (order_id, product_id, quantity) VALUES (1, 7, 1)")
