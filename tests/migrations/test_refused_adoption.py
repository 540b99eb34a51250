"""What cannot be adopted stops the upgrade, which changes nothing."""

import pytest
from flask_migrate import upgrade

from application import db
from tests.support.course import LINE, ORDER, everything
from tests.support.databases import application_on, execute


@pytest.fixture
def course(new_database):
    """The course's schema without orders, on an application with its context."""
    with application_on(new_database) as app, app.app_context():
        upgrade(revision="0001")
        yield


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (
            [f"{ORDER}(1, 1, 1), (2, 1, 1)", f"{LINE}(1, 1, 7, 2147483647), (2, 2, 7, 1)"],
            "quantities out of range: 1 (2147483648 of product 7 in order 1)",
        ),
        (
            [f"{ORDER}(1, 1, 0)", f"{LINE}(1, 1, 7, -2147483648), (2, 1, 7, -1)"],
            "quantities out of range: 1 (-2147483649 of product 7 in order 1)",
        ),
        (
            [f"{ORDER}(1, NULL, 0), (2, NULL, 1), (3, NULL, 0), (4, NULL, 0)"],
            "orders without a user: 4 (id 1, id 2, id 3, ...)",
        ),
        ([f"{LINE}(5, NULL, 7, 1)"], "lines without an order or a product: 1 (id 5)"),
        (
            [f"{ORDER}(1, 1, 1)", f"{LINE}(6, 1, NULL, 1)"],
            "lines without an order or a product: 1 (id 6)",
        ),
    ],
)
def test_what_cannot_be_adopted_is_named_in_one_line_and_changes_nothing(caplog, rows, named):
    insert = [f"{ORDER}(8, 9, 1), (9, 9, 1)", f"{LINE}(80, 8, 1, NULL), (90, 9, 1, -1)", *rows]
    for statement in insert:
        execute(statement)
    before = everything()
    with pytest.raises(SystemExit):
        upgrade()
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    correct = "Correct or delete these rows, then upgrade again"
    assert errors == [f"Error: Nothing has been changed: {named}. {correct}"]
    assert everything() == before


@pytest.mark.usefixtures("course")
def test_a_line_whose_order_does_not_exist_stops_the_upgrade(caplog):
    if db.engine.dialect.name == "mysql":  # SQLite does not check foreign keys
        execute("ALTER TABLE order_item DROP FOREIGN KEY order_item_ibfk_1")
    execute(f"{LINE}(5, 1, 7, 1)")
    with pytest.raises(SystemExit):
        upgrade()
    assert "lines without an order or a product: 1 (id 5)" in caplog.text
