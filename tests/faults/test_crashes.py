"""The service is killed, stopped and replaced under load."""

import csv
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import requests

from demo.ports import listening
from tests.faults import trials
from tests.faults.shoppers import Shoppers
from tests.service import free_port, until


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
                os.kill(random.choice(until(service.workers)), signal.SIGKILL)
    assert set(shoppers.statuses) <= {200, 404, 503, "no answer"}
    assert shoppers.check(new_database) == {"lost": 0, "doubled": 0}
    report("kill -9 of a worker or all", trials, new_database, shoppers.summary())


@trials(1, 5)
def test_sigterm_lets_what_is_taken_be_answered(
    service, user_service, users, database_url, report, trials
):
    longest = 0
    for _ in range(trials):
        asked, go_on = [], Event()

        def wait(handler, asked=asked, go_on=go_on):
            asked.append(handler)
            go_on.wait(1)
            handler.send(200, {"result": users[0]})

        user_service.answer = wait
        with ThreadPoolExecutor(6) as threads:
            body = {"product_id": 5, "qty": 1}
            answers = [
                threads.submit(
                    requests.post,
                    f"{service.url}/api/order/add-item",
                    body,
                    headers={"Authorization": f"key{n}"},
                    timeout=20,
                )
                for n in range(6)
            ]
            until(lambda asked=asked: len(asked) == 6)
            stopped = time.monotonic()
            service.terminate()
            go_on.set()
            assert [answer.result().status_code for answer in answers] == [200] * 6
        assert service.wait() == 0
        longest = max(longest, time.monotonic() - stopped)
        service.start()
    assert longest < 30  # gunicorn's graceful timeout
    found = f"all answered, end within {longest:.1f} s"
    report("SIGTERM with six requests under way", trials * 6, database_url, found)


@trials(1, 10)
def test_sigterm_under_load_loses_no_answer(service, users, database_url, report, trials):
    shoppers = Shoppers([service.url], users)
    longest = 0
    with shoppers.at_work():
        for _ in range(trials):
            shoppers.await_more(200, 50)
            longest = max(longest, service.stop())
            service.start()
    assert longest < 30  # gunicorn's graceful timeout
    taken = service.log.read_text().count('"gunicorn.error", "message": "POST /api/order/')
    assert taken == shoppers.statuses.total() - shoppers.statuses["no answer"]
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    found = f"{taken} requests taken and answered, end within {longest:.1f} s"
    report("SIGTERM under load", trials, database_url, found)


HAPROXY = """
global
    stats socket {socket} level admin
defaults
    mode http
    option redispatch 1
    timeout connect 1s
    timeout client 30s
    timeout server 30s
listen orders
    bind 127.0.0.1:{port}
    http-after-response set-header Retry-After 1 if {{ status 502 503 }}
    server one {one}
    server two {two}
"""


class Balancer:
    """haproxy in front of two instances, and its command line."""

    def __init__(self, folder, services):
        port, self._socket = free_port(), str(folder / "haproxy.sock")
        one, two = (service.url.removeprefix("http://") for service in services)
        file = folder / "haproxy.cfg"
        file.write_text(HAPROXY.format(port=port, socket=self._socket, one=one, two=two))
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(["haproxy", "-f", file], stdout=-3, stderr=-3)
        until(lambda: listening(port))

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self._socket)
            line.sendall(command.encode() + b"\n")
            return line.makefile().read()

    def drain(self, name):
        self.tell(f"set server orders/{name} state drain")
        until(lambda: f" {name} 0\n" in self.busy())

    def busy(self):
        """Each server's name and current sessions, a line each."""
        rows = csv.DictReader(self.tell("show stat").removeprefix("# ").splitlines())
        return "".join(f" {row['svname']} {row['scur']}\n" for row in rows)


@pytest.fixture
def services(start, database_url):
    return [start(database_url), start(database_url)]


@pytest.fixture
def balancer(tmp_path, services):
    if not shutil.which("haproxy"):
        pytest.skip("haproxy is not installed")
    balancer = Balancer(tmp_path, services)
    with balancer.process:
        yield balancer
        balancer.process.terminate()


@trials(1, 3)
def test_a_drained_rolling_restart_fails_no_request(
    services, balancer, users, database_url, report, trials
):
    shoppers = Shoppers([balancer.url], users)
    with shoppers.at_work():
        for name, service in zip(["one", "two"] * trials, services * trials, strict=True):
            balancer.drain(name)
            service.stop()
            service.start()
            balancer.tell(f"set server orders/{name} state ready")
    assert set(shoppers.statuses) <= {200, 404}
    assert shoppers.check(database_url) == {"lost": 0, "doubled": 0}
    report("rolling restart behind haproxy, drained", trials, database_url, shoppers.summary())
