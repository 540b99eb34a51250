"""The service is killed and stopped under load."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.support.api import statuses
from tests.support.needs import trials
from tests.support.processes import until
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers

GRACEFUL_TIMEOUT = 30  # seconds, gunicorn's default


@trials(4, 50)
def test_kill_9_loses_and_doubles_nothing(start, users, new_database, report, trials):
    service = start(new_database)
    shoppers = Shoppers([service.url], users)
    with shoppers.at_work():
        for trial in range(trials):
            time.sleep(random.uniform(0.05, 0.5))  # the random moment
            if trial % 2:
                service.kill()
                service.start()
            else:
                service.kill_a_worker()
    assert set(shoppers.statuses) <= {200, 404, 503, "no answer"}
    assert shoppers.check(new_database) == {"lost": 0, "doubled": 0}
    report("kill -9 of a worker or all", trials, new_database, shoppers.summary())


@trials(1, 5)
def test_on_sigterm_accepted_requests_are_answered(
    service, user_service, users, database_url, report, trials
):
    found, longest = [], 0
    for _ in range(trials):
        asked, go_on = [], Event()

        def wait(handler, asked=asked, go_on=go_on):
            asked.append(handler)
            go_on.wait(60)
            time.sleep(0.5)  # so that the service stops while the request waits
            handler.send(200, {"result": users[0]})

        user_service.answer = wait
        with ThreadPoolExecutor(6) as threads:
            shoppers = [Shopper(service.url, {"api_key": f"key{n}"}) for n in range(6)]
            answers = [threads.submit(shopper.add) for shopper in shoppers]
            try:
                until(lambda asked=asked: len(asked) == 6)
                stopped = time.monotonic()
                service.terminate()
            finally:
                go_on.set()
            found += [answer.result() for answer in answers]
        assert service.wait() == 0
        longest = max(longest, time.monotonic() - stopped)
        service.start()
    assert statuses(found) == {200: 6 * trials}
    assert longest < GRACEFUL_TIMEOUT
    found = f"{dict(statuses(found))}, end within {longest:.1f} s"
    report("SIGTERM with six requests under way", trials * 6, database_url, found)


@trials(1, 10)
def test_on_sigterm_under_load_no_answer_is_lost(service, users, database_url, report, trials):
    shoppers = Shoppers([service.url], users)
    longest = 0
    with shoppers.at_work():
        for _ in range(trials):
            shoppers.await_more(200, 50)
            longest = max(longest, service.stop())
            service.start()
    assert longest < GRACEFUL_TIMEOUT
    taken = service.log.read_text().count('"gunicorn.error", "message": "POST /api/order/')
    answered = shoppers.statuses.total() - shoppers.statuses["no answer"]
    assert answered == taken
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    found = f"{taken} requests accepted, {answered} answered, end within {longest:.1f} s"
    report("SIGTERM under load", trials, database_url, found)
