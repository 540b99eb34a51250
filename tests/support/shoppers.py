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

from tests.support.api import ADD, CHECKOUT
from tests.support.processes import until
from tests.support.shopper import TIMEOUT
from tests.support.stored_orders import read_orders

LONGEST_FAULT = 120  # seconds


class Shoppers:
    """Threads that add and check out, several for each user.

    They repeat a request under its key until they know its outcome. One in ten gives up at the
    first failure instead, so its outcome stays unknown.
    """

    outcomes = frozenset({200, 404})  # other answers must have a Retry-After

    def __init__(self, urls: list[str], users: list[dict]) -> None:
        self.urls, self.users = urls, users
        self.added, self.given_up, self.cleared = Counter(), Counter(), Counter()
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
                act = self._checkout if random.random() < 0.1 else self._add
                act(session, user["id"])

    def _add(self, session, user_id: int) -> None:
        line = user_id, random.randint(1, 3)
        patient = random.random() > 0.1
        answer = self._send(session, ADD, {"product_id": line[1], "qty": 1}, patient)
        self._count(self.given_up if answer is None else self.added, line)

    def _count(self, counter: Counter, entry, count=1) -> None:
        with self._lock:
            counter[entry] += count
            if entry == 200:
                now = time.monotonic()
                self.longest_pause = max(self.longest_pause, now - self._last_success)
                self._last_success = now

    def _checkout(self, session, _user_id: int) -> None:
        answer = self._send(session, CHECKOUT)
        if answer.status_code == 200:
            self.checkouts.append(answer.json()["result"])

    def _send(self, session, path, body=None, patient=True, headers=None, method="POST"):
        """Return the answer that tells the outcome; None if an impatient client got none."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} | (headers or {})
        give_up = time.monotonic() + LONGEST_FAULT
        while time.monotonic() < give_up:
            url = random.choice(self.urls) + path
            try:
                answer = session.request(method, url, data=body, headers=headers, timeout=TIMEOUT)
                self._count(self.statuses, answer.status_code)
                if answer.status_code in self.outcomes and "Retry-After" not in answer.headers:
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
        adds, cleared = sum(self.added.values()), sum(self.cleared.values())
        return (
            f"{adds} adds, {cleared} cleared, {len(self.checkouts)} checkouts,"
            f" {self._wrong['lost']} lost, {self._wrong['doubled']} doubled: {dict(self.statuses)}"
        )

    def check(self, database_url: str) -> Counter:
        """Compare the answers with the database; return how many adds were lost and doubled."""
        stored, closed = read_orders(database_url)
        ids = [order["id"] for order in self.checkouts]
        assert len(ids) == len(set(ids)), "an order was checked out twice"
        for order in self.checkouts:
            told = [(item["product_id"], item["quantity"]) for item in order["items"]]
            assert closed[order["id"]] == told, "a closed order has changed"
        self._wrong = Counter(lost=0, doubled=0)
        for line in self.added | self.given_up | stored:
            count, told = stored.get(line, 0), self.added[line] - self.cleared[line]
            self._wrong["lost"] += max(told - count, 0)
            self._wrong["doubled"] += max(count - told - self.given_up[line], 0)
        return self._wrong
