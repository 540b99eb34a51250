"""Clients under load that record what they were told, and compare it with the database."""

import random
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock

import requests
from requests.exceptions import ChunkedEncodingError
from sqlalchemy import NullPool, create_engine, text

from tests.support.processes import until
from tests.support.shopper import TIMEOUT

STORED = text(
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
LONGEST_FAULT = 120  # seconds


class Shoppers:
    """Threads that add and check out, several for each user.

    They repeat a request under its key until they know its outcome. One in ten gives up at the
    first failure instead, so its outcome stays unknown.
    """

    def __init__(self, urls: list[str], users: list[dict]) -> None:
        self.urls, self.users = urls, users
        self.added, self.given_up = Counter(), Counter()
        self.checkouts, self.statuses, self.refusals = [], Counter(), Counter()
        self.longest_pause = 0.0  # seconds in which nobody got a 200
        self._over, self._lock = Event(), Lock()
        self._wrong = None  # what check() found

    @contextmanager
    def at_work(self, threads=8):
        """Run the threads during the block; at its end each learns its last request's outcome."""
        self._over.clear()
        self._last_success = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            users = [self.users[n % len(self.users)] for n in range(threads)]
            running = [pool.submit(self._shop, user) for user in users]
            try:
                yield self
            finally:
                self._over.set()
        for shopper in running:
            shopper.result()

    def await_more(self, status: int, count: int) -> None:
        """Wait until there are more than ``count`` further answers of a status."""
        so_far = self.statuses[status]
        until(lambda: self.statuses[status] > so_far + count)

    def _shop(self, user: dict) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Basic {user['api_key']}"
            while not self._over.is_set():
                if random.random() < 0.1:
                    self._checkout(session)
                else:
                    self._add(session, user["id"])

    def _add(self, session, user_id: int) -> None:
        line = user_id, random.randint(1, 3)
        patient = random.random() > 0.1
        answer = self._send(session, "add-item", {"product_id": line[1], "qty": 1}, patient)
        self._count(self.given_up if answer is None else self.added, line)

    def _count(self, counter: Counter, entry) -> None:
        with self._lock:
            counter[entry] += 1
            if entry == 200:
                now = time.monotonic()
                self.longest_pause = max(self.longest_pause, now - self._last_success)
                self._last_success = now

    def _checkout(self, session) -> None:
        answer = self._send(session, "checkout", None, patient=True)
        if answer.status_code == 200:
            self.checkouts.append(answer.json()["result"])

    def _send(self, session, name, body, patient):
        """Return the answer that tells the outcome; None if an impatient client got none."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        give_up = time.monotonic() + LONGEST_FAULT
        while time.monotonic() < give_up:
            url = f"{random.choice(self.urls)}/api/order/{name}"
            try:
                answer = session.post(url, body, headers=key, timeout=TIMEOUT)
                self._count(self.statuses, answer.status_code)
                if answer.status_code in (200, 404):
                    return answer
                assert answer.headers["Retry-After"], answer.text
                self._count(self.refusals, answer.json()["message"])
            except (requests.ConnectionError, ChunkedEncodingError):  # none, or half of one
                self._count(self.statuses, "no answer")
                time.sleep(0.02)  # as a good client would
            if not patient:
                return None
        raise AssertionError(f"no outcome within {LONGEST_FAULT} s")

    def summary(self) -> str:
        """Return what was sent and what the last check found."""
        adds, checkouts = sum(self.added.values()), len(self.checkouts)
        lost, doubled = self._wrong["lost"], self._wrong["doubled"]
        return (
            f"{adds} adds, {checkouts} checkouts, {lost} lost, {doubled} doubled:"
            f" {dict(self.statuses)}"
        )

    def check(self, database_url: str, arrange=list) -> Counter:
        """Compare the answers with the database; return how many adds were lost and doubled.

        The lines of a closed order are compared as ``arrange`` arranges them.
        """
        engine = create_engine(database_url, poolclass=NullPool)
        with engine.connect() as connection:
            stored = {(user, product): n for user, product, n in connection.execute(STORED)}
            assert connection.execute(SECOND_OPEN_ORDERS).all() == []
            assert connection.execute(DOUBLED_LINES).all() == []
            closed = {}
            for order_id, product_id, quantity in connection.execute(CLOSED):
                closed.setdefault(order_id, []).append((product_id, quantity))
        ids = [order["id"] for order in self.checkouts]
        assert len(ids) == len(set(ids)), "an order was checked out twice"
        for order in self.checkouts:
            told = [(item["product_id"], item["quantity"]) for item in order["items"]]
            assert arrange(closed[order["id"]]) == arrange(told), "a closed order has changed"
        self._wrong = Counter(lost=0, doubled=0)
        for line in self.added | self.given_up | stored:
            count = int(stored.get(line, 0))
            self._wrong["lost"] += max(self.added[line] - count, 0)
            self._wrong["doubled"] += max(count - self.added[line] - self.given_up[line], 0)
        return self._wrong
