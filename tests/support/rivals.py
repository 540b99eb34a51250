"""Clients of one user that share a cart, and record what they asked and what they were told."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from demo.user_service import UserService
from tests.support.cart_model import Answer, Model
from tests.support.linearizability import Call, unexplained
from tests.support.model_http import to_answer, to_http
from tests.support.service import Service
from tests.support.shopper import TIMEOUT

CLIENTS, CALLS = 4, 25  # few enough for a search of all their orders
OFTEN = {"add": 5, "update": 2, "remove": 2, "clear": 1, "checkout": 2, "show": 6}
LONGEST_FAULT = 60  # seconds


def check_histories(services: list[Service], user_service: UserService, trials: int) -> str:
    """Check that histories are linearizable, in each of which a worker is killed.

    Returns how many calls they have, and which answers.
    """

    def kill_a_worker():
        time.sleep(random.uniform(0, 0.3))  # the random moment
        random.choice(services).kill_a_worker()

    calls = []
    for trial in range(trials):
        user = user_service.add(f"rival{trial}")
        history = record([service.url for service in services], user, kill_a_worker)
        assert unexplained(history, Model()) == []
        calls += history
    answers = Counter(call.answer.status if call.answer else "unknown" for call in calls)
    return f"all linearizable: {len(calls)} calls, {dict(answers)}"


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
    answer = _send(session, random.choice(urls), request)
    while answer is None and patient and time.monotonic() < begin + LONGEST_FAULT:
        time.sleep(0.02)  # as a good client would
        answer = _send(session, random.choice(urls), request)
    return Call(request, begin, time.monotonic(), answer)


def session_of(user: dict) -> requests.Session:
    """Return a session that is logged in."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Basic {user['api_key']}"
    return session


def _act(urls: list[str], user: dict) -> list[Call]:
    calls, seen = [], None
    with session_of(user) as session:
        for _ in range(CALLS):
            call = ask(session, urls, _some_request(seen), random.random() < 0.5)
            calls.append(call)
            seen = call.answer if call.answer and call.answer.order else seen
    return calls


def _some_request(seen: Answer | None) -> tuple:
    """Choose a request, with conditions on the answer that has last shown an order, if any."""
    (name,) = random.choices([*OFTEN], OFTEN.values())
    fields = {"add": 2, "update": 2, "remove": 1}.get(name, 0)
    request = name, *(random.randint(1, 3) for _ in range(fields))
    if seen and name == "show" and random.random() < 0.5:
        request = "show_by_id", seen.order[0]
    if seen and random.random() < 0.5:
        condition = "if_none_match" if name == "show" else "if_match"
        request = condition, [seen.etag], *request
    return request


def _send(session: requests.Session, url: str, request: tuple) -> Answer | None:
    method, path, fields, headers = to_http(*request)
    try:
        answer = session.request(method, url + path, data=fields, headers=headers, timeout=TIMEOUT)
    except requests.RequestException:
        return None
    if answer.status_code == 503 or "Retry-After" in answer.headers:  # the key's first is running
        return None
    body = answer.json() if answer.content else None
    return to_answer(answer.status_code, answer.headers, body)
