"""The application's insides that tests replace, each named in this place only.

Use: ``monkeypatch.setattr(*LOCK_ORDER, None)``, ``monkeypatch.setitem(MYSQL_SETTINGS, ...)``.
"""

from application import orders
from application.database import engines, sqlite, transactions
from application.models import Order
from application.order_api import pages, pruning, routes
from migrations import statements

LOCK_ORDER = Order, "lock_open"  # the first call of every change
MAX_ROWS = orders, "MAX_ROWS"
READ_ORDER = routes, "read_open_order"
ORDERS_PER_QUERY = pages, "ORDERS_PER_QUERY"
PRUNE_CHANCE = pruning, "CHANCE"
PRUNE_LIMIT = pruning, "LIMIT"
AFTER_CONFLICT = transactions, "AFTER_CONFLICT"
MYSQL_SETTINGS = engines.MYSQL
SQLITE_SETTINGS = sqlite.CONNECT_ARGS
SQLITE_TIMEOUT = sqlite, "TIMEOUT"
MAX_AGE = engines, "MAX_AGE"
PROGRESS = statements, "PROGRESS"
