"""``flask run`` and ``python run.py``, for those who have no make and no gunicorn."""

import os
import subprocess
import sys

import pytest
import requests

import config
from application import __version__
from demo.ports import listening
from tests.support.processes import free_port, until


@pytest.fixture
def run(tmp_path):
    """Run a command on a new database until it listens on a port; return its log."""
    processes = []

    def run(command, port):
        log = tmp_path / "flask.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=config.ROOT,
                env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/order.db"},
                stdout=file,
                stderr=file,
            )
        processes.append(process)
        until(lambda: listening(port) or process.poll() is not None)
        return log

    yield run
    for process in processes:
        process.terminate()
        process.wait(timeout=60)


def assert_it_has_migrated_and_says_where_it_is(log, port):
    answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=60)
    assert answer.json()["migrations"] == "ok"
    line = f"INFO order-service {__version__} starts on http://127.0.0.1:{port} [-]"
    assert log.read_text().count(line) == 1


def test_flask_run_migrates_and_tells_its_url(run):
    port = free_port()
    log = run(["-m", "flask", "run", "--port", str(port)], port)
    assert_it_has_migrated_and_says_where_it_is(log, port)


@pytest.mark.slow  # port 5003
def test_python_run_py_migrates_and_tells_its_url(run):
    if listening(5003):
        pytest.skip("they need port 5003: stop the program that listens there")
    log = run(["run.py"], 5003)
    assert_it_has_migrated_and_says_where_it_is(log, 5003)
