"""The application's insides that tests replace, each named in this place only.

Use: ``monkeypatch.setattr(*LOCK_CART, None)``, ``monkeypatch.setitem(MYSQL_SETTINGS, ...)``.
"""

from application import database, transactions
from application.cart import Cart
from application.order_api import idempotency, pages, routes
from migrations import statements

LOCK_CART = Cart, "lock"  # the first call of every change
READ_CART = routes, "read_open_order"
ORDERS_PER_QUERY = pages, "ORDERS_PER_QUERY"
PRUNE_CHANCE = idempotency, "PRUNE_CHANCE"
PRUNE_LIMIT = idempotency, "PRUNE_LIMIT"
AFTER_CONFLICT = transactions, "AFTER_CONFLICT"
MYSQL_SETTINGS = database.MYSQL
MAX_AGE = database, "MAX_AGE"
PROGRESS = statements, "PROGRESS"
