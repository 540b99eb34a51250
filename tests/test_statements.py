"""What the database is asked: how often, and by which index."""

import pytest
from sqlalchemy import event, text

from application import db
from tests.benchmark.data import empty, fill
from tests.conftest import ENGINES

USERS = range(1001, 6001)  # others, with orders of their own


def add(client, login, product_id=5):
    return client.post(
        "/api/order/add-item", data={"product_id": product_id, "qty": 1}, headers=login
    )


def add_with_key(client, login):
    return add(client, login | {"Idempotency-Key": "a-click"})


def show(client, login):
    return client.get("/api/order", headers=login)


def checkout(client, login):
    return client.post("/api/order/checkout", headers=login)


def update(client, login):
    body = {"product_id": 5, "qty": 9}
    return client.post("/api/order/update-item", data=body, headers=login)


def remove(client, login):
    return client.post("/api/order/remove-item", data={"product_id": 6}, headers=login)


def history(client, login):
    return client.get("/api/order/history", headers=login)


# In this order: each finds what the ones before it have left.
REQUESTS = [
    ("first add", add, 4),  # read and lock, the order, its line, COMMIT
    ("existing line", add, 4),
    ("new line", lambda client, login: add(client, login, 6), 4),
    ("with a key", add_with_key, 6),  # and the key, and its answer
    ("with a key again", add_with_key, 3),  # the key in vain, its answer, COMMIT
    ("show", show, 1),
    ("update", update, 4),  # read and lock, the order, its line, COMMIT
    ("remove", remove, 4),
    ("remove what is gone", remove, 2),  # read, ROLLBACK
    ("checkout", checkout, 3),  # read and lock, the order, COMMIT
    ("show nothing", show, 1),
    ("no checkout", checkout, 2),
    ("history", history, 1),
]


@pytest.mark.parametrize("engine_name", ENGINES[1:], indirect=True, scope="session")
def test_each_request_takes_as_few_statements_as_it_can(app, client, login):
    """The server's own count of all that it is sent, COMMIT and ROLLBACK included."""
    with app.app_context():
        engines = [db.engine, db.engines["reader"]]
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


def test_each_statement_finds_its_rows_by_an_index(app, client, login, server):
    fill(server, USERS, lines=2)
    if server.dialect.name == "mysql":
        server.execute(text("ANALYZE TABLE `order`, order_item"))
    seen = []

    def listen(_connection, _cursor, statement, parameters, *_):
        seen.append((statement, parameters))

    with app.app_context():
        engines = [db.engine, db.engines["reader"]]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", listen)
    for _, send, _ in REQUESTS:
        send(client, login)
    client.get("/api/orders?limit=10&after=20")
    add(client, login)  # so that there is an order to be found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", listen)

    plans = {statement: plan(server, statement, parameters) for statement, parameters in seen}
    empty(server)
    assert {statement.split()[0] for statement in plans} >= {"SELECT", "UPDATE", "INSERT", "DELETE"}
    for statement, steps in plans.items():
        assert all(map(by_index, steps)), (statement, steps)


def plan(database, statement, parameters):
    """Return the steps of a statement's plan; none for one that looks nothing up."""
    if statement.startswith(("INSERT", "BEGIN")):
        return []
    mysql = database.dialect.name == "mysql"
    explain = "EXPLAIN FORMAT=TRADITIONAL" if mysql else "EXPLAIN QUERY PLAN"
    return database.exec_driver_sql(f"{explain} {statement}", parameters).mappings().all()


def by_index(step):
    """Whether a step looks up few rows by an index, or looks at rows that another one has found."""
    if "detail" in step:  # SQLite
        return "SCAN" not in step["detail"] or "SCAN page" in step["detail"]
    looked_up = step["key"] is not None and step["type"] != "index"  # which reads all of it
    return looked_up or step["table"].startswith("<")
