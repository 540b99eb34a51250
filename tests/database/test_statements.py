"""How many statements the database gets, and by which index it finds the rows."""

import pytest
from sqlalchemy import event, text

from tests.support.api import HISTORY, add, checkout, clear, remove, show, update
from tests.support.databases import engines_of, mysql_only
from tests.support.insides import PRUNE_CHANCE
from tests.support.orders import empty, fill

USERS = range(1001, 6001)  # others, with orders of their own


def add_with_key(client, login):
    return add(client, login | {"Idempotency-Key": "a-click"})


def history(client, login):
    return client.get(HISTORY, headers=login)


def history_and_one_order(client, login):
    (order,) = history(client, login).json
    client.get(f"/api/order/{order['id']}", headers=login)


def under(condition, send):
    return lambda client, login: send(client, login | condition)


OPEN, ANOTHER = {"If-Match": "*"}, {"If-Match": '"1-0"'}


# In this order: each finds what the ones before it have left.
REQUESTS = [
    ("first add", add, 4),  # read and lock, the order, its line, COMMIT
    ("existing line", add, 4),
    ("new line", lambda client, login: add(client, login, 6), 4),
    ("with a key", add_with_key, 6),  # and the key, and its answer
    ("with a key again", add_with_key, 3),  # the key (refused), its answer, COMMIT
    ("show", show, 1),
    ("update", lambda client, login: update(client, login, 5, 9), 4),  # as an add
    ("remove", lambda client, login: remove(client, login, 6), 4),
    ("remove again", lambda client, login: remove(client, login, 6), 2),  # read, ROLLBACK
    ("clear", clear, 4),
    ("add under a condition", under(OPEN, add), 4),
    ("add, refused by it", under(ANOTHER, add), 2),
    ("checkout, refused by it", under(ANOTHER, checkout), 2),
    ("show what the caller has", under({"If-None-Match": "*"}, show), 1),
    ("checkout under a condition", under(OPEN, checkout), 3),  # read and lock, the order, COMMIT
    ("show nothing", show, 1),
    ("no checkout", checkout, 2),
    ("history and one order of it", history_and_one_order, 2),
]


@pytest.fixture(autouse=True)
def no_pruning(monkeypatch):
    """Its statements come at random."""
    monkeypatch.setattr(*PRUNE_CHANCE, 0)


@mysql_only
def test_each_request_takes_as_few_statements_as_possible(app, client, login):
    """By the server's own count, which includes COMMIT and ROLLBACK."""
    engines = engines_of(app)
    for engine in engines:
        engine.dispose()  # so that each has one connection, whose count is the session's

    def questions():
        count = 0
        for engine in engines:
            connection = engine.raw_connection()
            with connection.cursor() as cursor:
                cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")
                count += int(cursor.fetchone()[1]) - 1
            connection.close()
        return count

    questions()
    taken = {}
    for name, send, _ in REQUESTS:
        before = questions()
        send(client, login)
        taken[name] = questions() - before - len(engines)
    assert taken == {name: statements for name, _, statements in REQUESTS}


@pytest.fixture
def seen(app):
    """The statements that the application sends, with their parameters."""
    seen = []

    def listen(_connection, _cursor, statement, parameters, *_):
        seen.append((statement, parameters))

    for engine in engines_of(app):
        event.listen(engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        for engine in engines_of(app):
            event.remove(engine, "before_cursor_execute", listen)


@pytest.fixture
def many_orders(server):
    fill(server, USERS, lines=2)
    try:
        if server.dialect.name == "mysql":
            server.execute(text("ANALYZE TABLE `order`, order_item"))
        yield
    finally:
        empty(server)


@pytest.mark.usefixtures("many_orders")
def test_each_statement_finds_its_rows_by_an_index(client, login, server, seen):
    for _, send, _ in REQUESTS:
        send(client, login)
    client.get("/api/orders?limit=10&after=20")
    client.get("/api/orders?user_id=1001&limit=10&after=20")
    add(client, login)  # so that there is an order to find

    plans = {statement: plan(server, statement, parameters) for statement, parameters in list(seen)}
    assert {statement.split()[0] for statement in plans} >= {"SELECT", "UPDATE", "INSERT", "DELETE"}
    for statement, steps in plans.items():
        assert find_few_rows(steps), (statement, steps)


def plan(database, statement, parameters):
    """Return the steps of a statement's plan; none for a statement that reads no table."""
    if statement.startswith(("INSERT", "BEGIN")):
        return []
    mysql = database.dialect.name == "mysql"
    explain = "EXPLAIN FORMAT=TRADITIONAL" if mysql else "EXPLAIN QUERY PLAN"
    return database.exec_driver_sql(f"{explain} {statement}", parameters).mappings().all()


def find_few_rows(steps):
    """Return whether each step finds few rows by an index, or reads another step's result."""
    results = {  # SQLite's names for them
        step["detail"].split()[1]
        for step in steps
        if step.get("detail", "").startswith(("CO-ROUTINE", "MATERIALIZE"))
    }
    return all(by_index(step, results) for step in steps)


def by_index(step, results):
    if "detail" in step:  # SQLite
        action, _, rest = step["detail"].partition(" ")
        return action != "SCAN" or rest in results
    looked_up = step["key"] is not None and step["type"] != "index"  # which reads all of it
    return looked_up or step["table"].startswith("<")
