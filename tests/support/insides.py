"""The application's insides that tests replace, each named in this place only.

Use: ``monkeypatch.setattr(*LOCK_CART, None)``, ``monkeypatch.setitem(MYSQL_SETTINGS, ...)``.
"""

from application import database
from application.models import Order
from application.order_api import idempotency, listing

LOCK_CART = Order, "lock_open_for"  # the first call of every change
READ_CART = Order, "show_open"
ORDERS_PER_QUERY = listing, "STREAMED"
PRUNE_CHANCE = idempotency, "PRUNE_CHANCE"
PRUNE_LIMIT = idempotency, "PRUNE_LIMIT"
AFTER_CONFLICT = database, "AFTER_CONFLICT"
MYSQL_SETTINGS = database.MYSQL
