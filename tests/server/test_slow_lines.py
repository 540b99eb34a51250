"""What the log says of requests and statements that take long."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests
from sqlalchemy import NullPool, create_engine, text

from tests.support.api import ADD
from tests.support.databases import autocommit, mysql_database
from tests.support.processes import until

SHOW = "/api/order"


@pytest.mark.slow  # waits for a slow statement
def test_a_slow_request_tells_its_statements_and_a_slow_statement_itself(
    start, tmp_path, login, user
):
    with mysql_database(tmp_path) as url:
        service = start(url, WEB_CONCURRENCY="1")
        get = partial(requests.get, f"{service.url}{SHOW}", headers=login, timeout=60)
        for _ in range(2):  # the first one connects
            get()
        with autocommit(url) as connection, ThreadPoolExecutor(1) as thread:
            connection.exec_driver_sql("LOCK TABLES `order` WRITE, order_item WRITE")
            answer = thread.submit(get)
            until(lambda: is_waiting(connection))
            time.sleep(1.1)  # longer than what is slow
            connection.exec_driver_sql("UNLOCK TABLES")
            assert answer.result().status_code == 200
        service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    _, quick, slow = [line for line in lines if line.get("path") == SHOW]
    assert quick["message"].endswith(f" ms, 127.0.0.1, user {user['id']}")
    assert slow["message"].endswith(f" ms, 127.0.0.1, user {user['id']}, statements: 1")
    assert (quick["statements"], slow["statements"]) == (1, 1)
    assert slow["ms"] > 1000
    (statement,) = [line for line in lines if line["message"].startswith("Slow statement, 1")]
    assert "ms: SELECT " in statement["message"]
    assert statement["request_id"] == slow["request_id"]
    assert str(user["id"]) not in statement["message"]


@pytest.mark.slow  # waits for a lock
def test_a_statement_that_waits_in_vain_is_slow_too(start, tmp_path, login):
    with mysql_database(tmp_path) as url:
        service = start(url, WEB_CONCURRENCY="1")
        post = partial(requests.post, f"{service.url}{ADD}", headers=login, timeout=60)
        post({"product_id": 5, "qty": 1})
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.exec_driver_sql("SELECT * FROM `order` FOR UPDATE")
            with ThreadPoolExecutor(1) as thread:
                answer = thread.submit(post, {"product_id": 5, "qty": 1})
                until(lambda: "Slow statement" in service.log.read_text())
                connection.rollback()
                assert answer.result().status_code == 200
        service.stop()
    slow = [line for line in service.log.read_text().splitlines() if "Slow statement" in line]
    assert all("FOR UPDATE" in line for line in slow)


def is_waiting(connection):
    waiting = (
        "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"
    )
    return connection.scalar(text(waiting))
