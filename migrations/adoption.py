"""Adopting the data of the course's service, which may break the rules of migration 0002.

Several open orders of one user are merged into the oldest, several lines of one product into the
oldest, with the sum of their quantities. Then an open order's lines below 1 are removed: after the
sums, so that 5 and -3 leave 2. Closed orders keep all their quantities.

All this is one transaction, in a few statements over sets, however many users there are.
"""

import logging

import sqlalchemy as sa

log = logging.getLogger("alembic.adoption")

order = sa.table("order", sa.column("id"), sa.column("user_id"), sa.column("is_open", sa.Boolean))
item = sa.table("order_item", *map(sa.column, ["id", "order_id", "product_id", "quantity"]))
INTEGER = -(2**31), 2**31 - 1  # what the column holds
NAMED = 3  # rows that an error names

_oldest = sa.func.min(order.c.id).over(partition_by=order.c.user_id).label("oldest")
_open = sa.select(*order.c["id", "user_id"], _oldest).where(order.c.is_open).subquery("open")
younger = sa.select(_open).where(_open.c.id != _open.c.oldest).subquery("younger")


def _by_product(key, lines):
    """Return the lines of each product as one row: of an order, or of a user."""
    product = item.c.product_id
    columns = key.label("key"), product, sa.func.sum(item.c.quantity).label("quantity")
    counts = sa.func.min(item.c.id).label("oldest"), sa.func.count().label("lines")
    grouped = sa.select(*columns, *counts).select_from(lines).group_by(key, product)
    return grouped.prefix_with("SQL_BIG_RESULT", dialect="mysql")  # sorts: ten times as fast


# "+ 0" keeps MariaDB from grouping once for each line, as it does by a column with an index.
_order = item.c.order_id + sa.literal_column("0")
doubled = _by_product(_order, item).having(sa.func.count() > 1).subquery("doubled")
_same = sa.and_(item.c.order_id == doubled.c.key, item.c.product_id == doubled.c.product_id)
# DISTINCT, because MySQL deletes from no table that it reads, unless the rows are found before.
others = (
    sa.select(item.c.id)
    .distinct()
    .join_from(item, doubled, _same)
    .where(item.c.id != doubled.c.oldest)
    .subquery("others")
)


def adopt(connection):
    """Merge and remove what breaks the rules, and log how much that was.

    Raises RuntimeError, before anything is changed, with one line that names the rows that must be
    changed by hand.
    """
    refuse_rows_without_keys(connection)
    refuse_sums_out_of_range(connection)
    replace_nulls(connection)
    merge_orders(connection)
    merge_lines(connection)
    remove_lines_below_one(connection)


def refuse_rows_without_keys(connection):
    no_user = sa.select(order.c.id).where(order.c.user_id.is_(None))
    refuse(connection, "orders without a user", "id {}", no_user)
    lost = (
        sa.select(item.c.id)
        .outerjoin_from(item, order, item.c.order_id == order.c.id)
        .where(sa.or_(order.c.id.is_(None), item.c.product_id.is_(None)))
    )
    refuse(connection, "lines without an order or a product", "id {}", lost)


def refuse_sums_out_of_range(connection):
    """Check the sums of each order, and of the open orders of each user."""
    in_open_order = sa.and_(item.c.order_id == order.c.id, order.c.is_open)
    for name, key, lines in (
        ("order", item.c.order_id, item),
        ("open orders of user", order.c.user_id, item.join(order, in_open_order)),
    ):
        sums = _by_product(key, lines).subquery()
        wrong = sa.select(sums).where(sa.not_(sums.c.quantity.between(*INTEGER)))
        text = f"{{2}} of product {{1}} in {name} {{0}}"
        refuse(connection, "quantities out of range", text, wrong)


def refuse(connection, what, name, rows):
    log.info("Checking: %s", what)
    found = connection.execute(rows.add_columns(sa.func.count().over()).limit(NAMED)).all()
    if not found:
        return
    names = ", ".join(name.format(*row) for row in found)
    more = ", ..." if found[0][-1] > len(found) else ""
    raise RuntimeError(
        f"Nothing has been changed: {what}: {found[0][-1]} ({names}{more})."
        " Correct or delete these rows, then upgrade again"
    )


def replace_nulls(connection):
    """Write what NULL means to the course's service: an order is not open, a line adds nothing."""
    for column, value in ((order.c.is_open, False), (item.c.quantity, 0)):
        nulls = column.table.update().where(column.is_(None)).values({column: value})
        log.info("NULLs replaced in %s: %d", column, connection.execute(nulls).rowcount)


def merge_orders(connection):
    users = connection.scalar(sa.select(sa.func.count(younger.c.user_id.distinct())))
    log_rows(connection, "Order {} of user {} goes into {}", sa.select(younger))
    log.info("Merging the open orders of %d users", users)
    ids = sa.select(younger.c.id)
    # Not a join: MariaDB would read the lines in a random order, which is slow.
    oldest = sa.select(younger.c.oldest).where(younger.c.id == item.c.order_id).scalar_subquery()
    connection.execute(item.update().where(item.c.order_id.in_(ids)).values(order_id=oldest))
    orders = connection.execute(order.delete().where(order.c.id.in_(ids))).rowcount + users
    log.info("Orders merged: %d open orders of %d users into the oldest of each", orders, users)


def merge_lines(connection):
    log.info("Merging lines of the same order and product")
    log_rows(
        connection,
        "{} lines of product {} in order {} become one: {}",
        sa.select(*doubled.c["lines", "product_id", "key", "quantity"]),
    )
    sum_up = item.update().where(item.c.id == doubled.c.oldest)
    lines = connection.execute(sum_up.values(quantity=doubled.c.quantity)).rowcount
    delete = item.delete().where(item.c.id.in_(sa.select(others.c.id)))
    merged = connection.execute(delete).rowcount
    log.info("Lines merged: %d lines into %d", merged + lines, lines)


def remove_lines_below_one(connection):
    in_open_order = item.c.order_id.in_(sa.select(order.c.id).where(order.c.is_open))
    below_one = sa.and_(item.c.quantity < 1, in_open_order)
    details = sa.select(*item.c["quantity", "product_id", "order_id"]).where(below_one)
    log_rows(connection, "Line with {} of product {} in order {} is removed", details)
    removed = connection.execute(item.delete().where(below_one)).rowcount
    log.info("Lines removed: %d below 1 in open orders", removed)


def log_rows(connection, text, rows):
    """Log a line for each row, at DEBUG; without it, the rows are not read."""
    if log.isEnabledFor(logging.DEBUG):
        for row in connection.execute(rows):
            log.debug(text.format(*row))
