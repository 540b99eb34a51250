"""Many orders at once, written by SQL."""

from sqlalchemy import Connection, text

DIGIT = f"WITH digit(n) AS ({' UNION ALL '.join(f'SELECT {digit}' for digit in range(10))})"


def fill(database: Connection, users: range, lines: int) -> None:
    """Give each of the users an open order of ``lines`` (0 to 9) products, from 1 on.

    ``database`` must be on autocommit.
    """
    places = range(len(str(len(users) - 1)))
    number = " + ".join(f"d{place}.n * {10**place}" for place in places)
    digits = " CROSS JOIN ".join(f"digit d{place}" for place in places)
    database.execute(
        text(
            "INSERT INTO `order` (user_id, is_open, date_added, date_updated)"
            f" {DIGIT} SELECT {users.start} + {number}, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP"
            f" FROM {digits} WHERE {number} < {len(users)} ORDER BY {number}"
        )
    )
    database.execute(
        text(
            "INSERT INTO order_item (order_id, product_id, quantity, date_added, date_updated)"
            f" {DIGIT} SELECT id, n, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP"
            f" FROM `order` CROSS JOIN digit WHERE open_user_id >= {users.start}"
            f" AND open_user_id < {users.stop} AND n BETWEEN 1 AND {lines} ORDER BY id, n"
        )
    )


def lengthen(database: Connection, lines: int) -> None:
    """Add products from 2 on to the newest order, until it has so many lines."""
    number = database.scalar(text("SELECT MAX(id) FROM `order`"))
    insert = text(
        "INSERT INTO order_item (order_id, product_id, quantity, date_added, date_updated)"
        f" VALUES ({number}, :product, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
    )
    if products := range(2, lines + 1):
        database.execute(insert, [{"product": product} for product in products])


def empty(database: Connection, after: int = 0) -> None:
    """Delete all orders, or those with ids above ``after``."""
    database.execute(text(f"DELETE FROM order_item WHERE order_id > {after}"))
    database.execute(text(f"DELETE FROM `order` WHERE id > {after}"))
