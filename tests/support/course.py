"""A database as the course's service leaves it, at revision 0001."""

from tests.support.databases import execute

ORDER = "INSERT INTO `order` (id, user_id, is_open) VALUES "
LINE = "INSERT INTO order_item (id, order_id, product_id, quantity) VALUES "
# What adopting keeps: all but an open order's lines below 1.
SUMS = (
    "SELECT user_id, is_open, product_id, SUM(quantity) FROM `order` JOIN order_item"
    " ON order_id = `order`.id GROUP BY user_id, is_open, product_id"
    " HAVING NOT (is_open AND SUM(quantity) < 1) ORDER BY 1, 2, 3"
)


def everything():
    """Return all rows of both tables."""
    tables = ("order", "user_id, is_open"), ("order_item", "order_id, product_id, quantity")
    return [execute(f"SELECT id, {columns} FROM `{name}` ORDER BY id") for name, columns in tables]


def insert_course_data() -> None:
    """Insert orders of three users that break today's rules in every way that can be adopted."""
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
    execute("INSERT INTO `order` (id, user_id, is_open) VALUES (10, 3, 1), (11, 3, 1), (12, 3, 0)")
    execute(  # the course's service takes 0 and negative quantities
        "INSERT INTO order_item (order_id, product_id, quantity)"
        " VALUES (10, 5, 5), (11, 5, -3), (10, 6, -3), (11, 8, 0), (12, 5, -3), (12, 6, NULL)"
    )


def replace_nulls() -> None:
    """Write what the migration makes of NULL, so that sums before and after can be compared."""
    execute("UPDATE `order` SET is_open = 0 WHERE is_open IS NULL")
    execute("UPDATE order_item SET quantity = 0 WHERE quantity IS NULL")
