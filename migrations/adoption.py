"""Adopting the data of the course's service, which may break the rules of migration 0002.

Several open orders of one user are merged into the oldest, several lines of one product into the
oldest, with the sum of their quantities. Then an open order's lines below 1 are removed: after the
sums, so that 5 and -3 leave 2. Closed orders keep all their quantities.

All this is one transaction, in a few statements over sets, however many users there are. What is
to be merged is found once and kept in temporary tables, where the later statements look it up.
"""

import logging

import sqlalchemy as sa

log = logging.getLogger("alembic.adoption")

order = sa.table("order", sa.column("id"), sa.column("user_id"), sa.column("is_open", sa.Boolean))
item = sa.table("order_item", *map(sa.column, ["id", "order_id", "product_id", "quantity"]))
# "+ 0" keeps the server from using the column's index, by which it would read the lines at random.
order_id = item.c.order_id + sa.literal_column("0")
INTEGER = -(2**31), 2**31 - 1  # what the column holds
NAMED = 3  # rows that an error names


def temporary(name, **columns):
    """Return a temporary table of integers; True makes a column a part of the primary key."""
    integers = (
        sa.Column(column, sa.BigInteger, primary_key=is_key, autoincrement=False, nullable=False)
        for column, is_key in columns.items()
    )
    return sa.Table(name, sa.MetaData(), *integers, prefixes=["TEMPORARY"], mysql_engine="InnoDB")


younger = temporary("younger_order", id=True, user_id=False, oldest=False)
doubled = temporary(
    "doubled_line", order_id=True, product_id=True, oldest=False, quantity=False, lines=False
)
surplus = temporary("surplus_line", id=True)


def adopt(connection):
    """Merge and remove what breaks the rules, and log how much that was; nothing on a new database.

    Raises RuntimeError, and changes nothing, with one line that names the rows that must be changed
    by hand.
    """
    ids = [connection.scalar(sa.select(table.c.id).limit(1)) for table in (order, item)]
    if ids == [None, None]:
        return
    for table in (younger, doubled, surplus):  # left by a run that began again
        connection.execute(sa.schema.DropTable(table, if_exists=True))
        table.create(connection, checkfirst=False)
    refuse_rows_without_keys(connection)
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
    log.info("Merging open orders")
    first = sa.func.min(order.c.id).over(partition_by=order.c.user_id).label("oldest")
    all_open = sa.select(*order.c["id", "user_id"], first).where(order.c.is_open).subquery("open")
    others = sa.select(all_open).where(all_open.c.id != all_open.c.oldest)
    connection.execute(younger.insert().from_select(list(younger.c.keys()), others))
    log_rows(connection, "Order {} of user {} goes into {}", sa.select(younger))

    # Not a join, which would read the lines at random. Rows that stay as they are cost no write.
    oldest = sa.select(younger.c.oldest).where(younger.c.id == item.c.order_id).scalar_subquery()
    moved = sa.func.coalesce(oldest, item.c.order_id)
    connection.execute(item.update().values(order_id=moved))
    connection.execute(order.delete().where(order.c.id.in_(sa.select(younger.c.id))))
    numbers = sa.select(sa.func.count(), sa.func.count(younger.c.user_id.distinct()))
    merged, users = connection.execute(numbers).one()
    text = "Orders merged: %d open orders of %d users into the oldest of each"
    log.info(text, merged + users, users)


def merge_lines(connection):
    log.info("Merging lines of the same order and product")
    key = order_id, item.c.product_id
    numbers = sa.func.min(item.c.id), sa.func.sum(item.c.quantity), sa.func.count()
    several = sa.select(*key, *numbers).group_by(*key).having(sa.func.count() > 1)
    several = several.prefix_with("SQL_BIG_RESULT", dialect="mysql")  # sort the lines once
    connection.execute(doubled.insert().from_select(list(doubled.c.keys()), several))
    refuse_sums_out_of_range(connection)
    details = sa.select(*doubled.c["lines", "product_id", "order_id", "quantity"])
    log_rows(connection, "{} lines of product {} in order {} become one: {}", details)

    same = sa.and_(doubled.c.order_id == order_id, doubled.c.product_id == item.c.product_id)
    others = (
        sa.select(item.c.id).join_from(item, doubled, same).where(item.c.id != doubled.c.oldest)
    )
    connection.execute(surplus.insert().from_select(["id"], others))
    sum_up = item.update().where(item.c.id == doubled.c.oldest)
    lines = connection.execute(sum_up.values(quantity=doubled.c.quantity)).rowcount
    delete = item.delete().where(item.c.id.in_(sa.select(surplus.c.id)))
    merged = connection.execute(delete).rowcount
    log.info("Lines merged: %d lines into %d", merged + lines, lines)


def refuse_sums_out_of_range(connection):
    wrong = sa.select(doubled).where(sa.not_(doubled.c.quantity.between(*INTEGER)))
    text = "{3} of product {1} in order {0}"
    refuse(connection, "quantities out of range", text, wrong)


def remove_lines_below_one(connection):
    in_open_order = order_id.in_(sa.select(order.c.id).where(order.c.is_open))
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
