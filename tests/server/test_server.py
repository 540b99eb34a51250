"""gunicorn, as gunicorn.conf.py configures it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest
import requests

import config
from tests.support.databases import head_revision
from tests.support.gunicorn import copy_of_the_service, run_gunicorn
from tests.support.processes import until


def test_a_mistake_in_the_code_is_shown_with_its_traceback_before_a_worker_starts(tmp_path):
    """The master loads the application, so that its workers share it."""
    project = copy_of_the_service(tmp_path)
    with (project / "application" / "models.py").open("a") as models:
        models.write("undefined_name\n")
    log = run_gunicorn(tmp_path, cwd=project).stdout
    last = json.loads(log.splitlines()[-1])
    assert last["message"] == "The service cannot start"
    assert re.search(r'File ".*/models.py", line \d+, in <module>', last["exc_info"])
    assert "NameError: name 'undefined_name' is not defined" in last["exc_info"]
    assert "Booting worker" not in log


@pytest.mark.slow  # a server of its own
def test_a_mistake_in_a_migration_is_shown_with_its_traceback(tmp_path):
    project = copy_of_the_service(tmp_path)
    (first,) = (project / "migrations" / "versions").glob("0001*.py")
    wrong = "def upgrade():\n    op.execute('DELETE FROM missing')"
    first.write_text(first.read_text().replace("def upgrade():", wrong))
    last = json.loads(run_gunicorn(tmp_path, cwd=project).stdout.splitlines()[-1])
    assert last["message"] == "The service cannot start"
    assert "no such table: missing" in last["exc_info"]


def test_it_starts_in_any_folder_with_the_path_of_its_settings(start, tmp_path):
    options = f"--config {config.ROOT}/gunicorn.conf.py"
    service = start(f"sqlite:///{tmp_path}/order.db", cwd=tmp_path, options=options)
    assert requests.get(f"{service.url}/readyz", timeout=60).status_code == 200
    assert not (tmp_path / "instance").exists()


def test_a_start_without_its_settings_says_what_is_missing(tmp_path):
    ended = run_gunicorn(tmp_path, "--chdir", str(config.ROOT), cwd=tmp_path)
    assert ended.returncode != 0
    assert "gunicorn must read gunicorn.conf.py: start it in its folder, or with -c" in ended.stdout


def test_flask_migrates_in_any_folder(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", config.ROOT / "run.py", "db", "upgrade"],
        cwd=tmp_path,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/order.db"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"-> {head_revision()}, " in ended.stderr


@pytest.mark.slow  # a server of its own
def test_warnings_are_in_the_log_as_json(tmp_path):
    project = copy_of_the_service(tmp_path)
    with (project / "application" / "models.py").open("a") as models:
        models.write("import warnings\nwarnings.warn('of the code')\n")
    (line,) = run_gunicorn(tmp_path, "--check-config", cwd=project).stdout.splitlines()
    assert "of the code" in json.loads(line)["message"]


@pytest.mark.slow  # waits for a timeout
def test_workers_that_hang_are_in_the_log_as_json(start, tmp_path):
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, options="--timeout 2", WEB_CONCURRENCY="1")
    (hanging,) = service.workers()
    os.kill(hanging, signal.SIGSTOP)
    until(lambda: hanging not in service.workers() and service.all_serve())
    service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    (critical,) = [line["message"] for line in lines if line["level"] == "CRITICAL"]
    assert critical == f"WORKER TIMEOUT (pid:{hanging})"


def test_a_connection_serves_several_requests(start, tmp_path):
    service = start(f"sqlite:///{tmp_path}/order.db")
    connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.connect()
    socket = connection.sock
    for _ in range(3):
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Connection", "keep-alive").lower() == "keep-alive"
        answer.read()
        assert connection.sock is socket  # http.client closes one that ends with the answer
    connection.close()


FEW_FILES = """
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
setrlimit(RLIMIT_NOFILE, (64, getrlimit(RLIMIT_NOFILE)[1]))
from gunicorn.app.wsgiapp import run
run()
"""


@pytest.mark.slow  # a server of its own
def test_a_low_limit_of_open_files_is_raised(start, tmp_path):
    """A worker that can open no more files would drop requests, those of others too."""
    url = f"sqlite:///{tmp_path}/order.db"
    service = start(url, program=("-c", FEW_FILES), WEB_CONCURRENCY="1")
    with ExitStack() as idle:
        for _ in range(100):
            connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
            idle.callback(connection.close)
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
