"""``make instructions``: count the processor's instructions for each request.

Unlike times, the counts of two runs differ by 1 % at most. Each application gets its requests in a
process of its own, without gunicorn, from users whom it knows. The database is real.
"""

import gc
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from werkzeug.test import create_environ
from werkzeug.utils import import_string

import config
from application.database import engines
from tests.benchmark.contenders import REMEMBER, USERS, Bench
from tests.benchmark.table import print_row, print_table_head
from tests.support.databases import autocommit
from tests.support.orders import empty, fill

WARM_UP, COUNTED = 60, 200  # requests


def request(number, method, path, fields=None, **headers):
    """Return a request as a WSGI server passes it on; the users take turns."""
    headers["Authorization"] = f"Basic key-{number % len(USERS) + 1}"
    whole = {"wsgi.input_terminated": True}  # as gunicorn says
    return create_environ(path, method=method, data=fields, headers=headers, environ_base=whole)


def show(number):
    return request(number, "GET", "/api/order")


def add(number, product, **headers):
    fields = {"product_id": product, "qty": 1}
    return request(number, "POST", "/api/order/add-item", fields, **headers)


def add_with_key(number):
    key = {"Idempotency-Key": f"00000000-0000-4000-8000-{number:012}"}
    return add(number, 1, **key)


SCENARIOS = {  # the lines in each user's order (None: no orders), and each request
    "show": (5, show),
    "add to a line": (5, lambda number: add(number, number % 5 + 1)),
    "add a new line": (5, lambda number: add(number, 6)),
    "first add": (None, lambda number: add(number, 1)),
    "checkout": (5, lambda number: request(number, "POST", "/api/order/checkout")),
    "add with a key": (5, add_with_key),
    "the same again": (5, add_with_key),  # after the row above, so that all keys are used
    "/healthz": (None, lambda number: request(number, "GET", "/healthz")),
}
APPLICATIONS = {
    "service": ("run:app", [*SCENARIOS]),
    "floor": ("tests.benchmark.floor:app", [*SCENARIOS][:5]),
    "Flask": ("tests.benchmark.hello:app", ["/healthz"]),
    "WSGI": ("tests.benchmark.hello:wsgi", ["/healthz"]),
}


def send(app, environ):
    statuses = []
    answer = app(environ, lambda status, *_: statuses.append(status))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    assert statuses == ["200 OK"]


def callgrind(command):
    """Give this process a command of callgrind's."""
    command = ["callgrind_control", command, str(os.getpid())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def send_requests(name, database_url):
    """Send an application its requests; callgrind writes one file for each scenario."""
    engines.MAX_AGE = 3600  # valgrind is slow: each scenario would pay for new connections
    where, scenarios = APPLICATIONS[name]
    app = import_string(where)
    with autocommit(database_url) as connection:
        for number in range(len(USERS) if "show" in scenarios else 0):
            send(app, show(number))  # from now on, the user is known
        for lines, build in map(SCENARIOS.get, scenarios):
            empty(connection)
            if lines is not None:
                fill(connection, USERS, lines)
            requests = [build(number) for number in range(WARM_UP + COUNTED)]
            for environ in requests[:WARM_UP]:
                send(app, environ)
            gc.collect()  # not while instructions are counted
            callgrind("--instr=on")
            for environ in requests[WARM_UP:]:
                send(app, environ)
            callgrind("--instr=off")
            callgrind("--dump")


def count(name, database_url, user_service_url):
    """Return the millions of instructions for a request of each of the application's scenarios."""
    with TemporaryDirectory() as folder:
        settings = {
            "CONFIGURATION_SETUP": "config.ProductionConfig",
            "DATABASE_URL": database_url,
            "USER_SERVICE_URL": user_service_url,
            "USER_CACHE_TTL": REMEMBER,
            "PROMETHEUS_MULTIPROC_DIR": folder,
            "PYTHONHASHSEED": "0",
        }
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        python = [sys.executable, "-m", __spec__.name, name, database_url]
        with Path(folder, "log").open("w+") as log:
            ended = subprocess.run(
                [*valgrind, f"--callgrind-out-file={folder}/out", *python],
                cwd=config.ROOT,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
            log.seek(0)
            assert ended.returncode == 0, log.read()[-3000:]
        scenarios = APPLICATIONS[name][1]
        outputs = [Path(folder, f"out.{number}") for number, _ in enumerate(scenarios, 1)]
        totals = [re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE) for file in outputs]
    return {s: int(t[1]) / COUNTED / 1e6 for s, t in zip(scenarios, totals, strict=True)}


def main():
    with Bench() as bench, ThreadPoolExecutor(os.cpu_count()) as threads:
        counts = [
            threads.submit(count, name, bench.migrated_database(), bench.user_service.url)
            for name in APPLICATIONS
        ]
        columns = [counting.result() for counting in counts]
    print_table_head("millions of instructions", *APPLICATIONS)
    for scenario in SCENARIOS:
        cells = (f"{column[scenario]:.2f}" if scenario in column else "" for column in columns)
        print_row(scenario, *cells)


if __name__ == "__main__":
    send_requests(*sys.argv[1:]) if sys.argv[1:] else main()
