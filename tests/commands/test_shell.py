"""``flask shell``, with lines as the course has them."""

import os
import subprocess
import sys

import pytest

import config
from tests.support.databases import migrate

LINES = """
order = Order.query.filter_by(user_id=7, is_open=1).first()
print(order)
order = Order.create(7)
order.items.append(OrderItem(5, 2))
order.items.append(OrderItem(6))
db.session.add(order)
db.session.commit()
order = Order.query.filter_by(user_id=7, is_open=1).first()
print([(item.product_id, item.quantity, item.order is order) for item in order.items])
order.add_item(5, 3)
order.add_item(6)
db.session.commit()
print([item.to_json() for item in order.items])
order.is_open = 0
db.session.add(order)
db.session.commit()
print([order.to_json()["is_open"] for order in Order.query.all()])
print(order.date_updated > order.date_added)
"""


@pytest.fixture
def shell(new_database):
    """Type lines into a shell, and return what it prints."""
    migrate(new_database)

    def shell(lines):
        ended = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "run", "shell"],
            cwd=config.ROOT,
            env=os.environ | {"DATABASE_URL": new_database},
            input=lines,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Traceback" not in ended.stderr
        return ended.stdout.replace(">>> ", "").splitlines()

    return shell


def test_the_course_s_lines_work(shell):
    lines = [
        {"product_id": 5, "quantity": 5, "product": 5},
        {"product_id": 6, "quantity": 2, "product": 6},
    ]
    printed = ["None", "[(5, 2, True), (6, 1, True)]", str(lines), "[False]", "True"]
    assert shell(LINES) == printed
