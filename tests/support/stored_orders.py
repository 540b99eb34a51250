"""What a database holds after load."""

from sqlalchemy import NullPool, create_engine, text

QUANTITIES = text(
    "SELECT user_id, product_id, SUM(quantity) FROM `order` JOIN order_item"
    " ON order_id = `order`.id GROUP BY user_id, product_id"
)
SECOND_OPEN_ORDERS = text(
    "SELECT user_id FROM `order` WHERE is_open GROUP BY 1 HAVING COUNT(*) > 1"
)
DOUBLED_LINES = text("SELECT 1 FROM order_item GROUP BY order_id, product_id HAVING COUNT(*) > 1")
CLOSED = text(
    "SELECT `order`.id, product_id, quantity FROM `order` JOIN order_item"
    " ON order_id = `order`.id WHERE NOT is_open ORDER BY order_item.date_added, order_item.id"
)


def read_orders(database_url: str) -> tuple[dict, dict]:
    """Return quantities by user and product, and each closed order's lines by its id.

    A user with two open orders, or an order with two lines for a product, is an error.
    """
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.execute(SECOND_OPEN_ORDERS).all() == []
        assert connection.execute(DOUBLED_LINES).all() == []
        quantities = {
            (user, product): int(n) for user, product, n in connection.execute(QUANTITIES)
        }
        closed = {}
        for order_id, product_id, quantity in connection.execute(CLOSED):
            closed.setdefault(order_id, []).append((product_id, quantity))
    return quantities, closed
