"""Clients of one user that share a cart, and record what they asked and what they were told."""

import random
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from demo.user_service import UserService
from tests.support.cart_model import Answer, ObservedModel
from tests.support.linearizability import Call, unexplained
from tests.support.service import Service
from tests.support.shopper import TIMEOUT

CLIENTS, CALLS = 4, 25  # few enough for a search of all their orders
PATHS = {"add": "/add-item", "update": "/update-item", "remove": "/remove-item",
         "checkout": "/checkout", "show": ""}  # fmt: skip
OFTEN = {"add": 5, "update": 2, "remove": 2, "checkout": 1, "show": 4}
LONGEST_FAULT = 60  # seconds


def check_histories(services: list[Service], user_service: UserService, trials: int) -> str:
    """Check that histories are linearizable, in each of which a worker is killed.

    Returns how many calls they have.
    """

    def kill_a_worker():
        time.sleep(random.uniform(0, 0.3))  # the random moment
        random.choice(services).kill_a_worker()

    calls = []
    for trial in range(trials):
        user = user_service.add(f"rival{trial}")
        history = record([service.url for service in services], user, kill_a_worker)
        assert unexplained(history, ObservedModel()) == []
        calls += history
    unknown = sum(call.answer is None for call in calls)
    return f"all linearizable: {len(calls)} calls, {unknown} outcomes unknown"


def record(
    urls: list[str], user: dict, meanwhile: Callable[[], object] = lambda: None
) -> list[Call]:
    """Let the clients make their calls, each at any of the URLs, while a function runs."""
    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(_act, urls, user) for _ in range(CLIENTS)]
        meanwhile()
    return [call for client in clients for call in client.result()]


def ask(session: requests.Session, urls: list[str], request: tuple, patient: bool) -> Call:
    """Make a call. A patient client repeats it with its key until the outcome is known."""
    session.headers["Idempotency-Key"] = str(uuid.uuid4())
    begin = time.monotonic()
    answer = _send(session, random.choice(urls), *request)
    while answer is None and patient and time.monotonic() < begin + LONGEST_FAULT:
        time.sleep(0.02)  # as a good client would
        answer = _send(session, random.choice(urls), *request)
    return Call(request, begin, time.monotonic(), answer)


def session_of(user: dict) -> requests.Session:
    """Return a session that is logged in."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Basic {user['api_key']}"
    return session


def _act(urls: list[str], user: dict) -> list[Call]:
    with session_of(user) as session:
        return [ask(session, urls, _some_request(), random.random() < 0.5) for _ in range(CALLS)]


def _some_request() -> tuple:
    (name,) = random.choices([*OFTEN], OFTEN.values())
    fields = {"add": 2, "update": 2, "remove": 1}.get(name, 0)
    return name, *(random.randint(1, 3) for _ in range(fields))


def _send(session, url, name, product=None, quantity=None) -> Answer | None:
    body = {"product_id": product, "qty": quantity}
    method = "GET" if name == "show" else "POST"
    try:
        answer = session.request(
            method, f"{url}/api/order{PATHS[name]}", data=body, timeout=TIMEOUT
        )
    except requests.RequestException:
        return None
    if answer.status_code == 503 or "Retry-After" in answer.headers:  # the key's first is running
        return None
    order = answer.json().get("result")
    return Answer(answer.status_code, order and _shown(order))


def _shown(order: dict) -> tuple[int, bool, list[tuple[int, int]]]:
    lines = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return order["id"], order["is_open"], lines
