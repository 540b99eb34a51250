"""gunicorn, as gunicorn.conf.py configures it."""

import os
import re
import shutil
import subprocess
import sys
from http.client import HTTPConnection

import pytest

import config


def gunicorn(*arguments, folder, cwd=config.ROOT):
    """Run gunicorn to its end; return what it printed."""
    settings = {"DATABASE_URL": f"sqlite:///{folder}/order.db", "TMPDIR": str(folder)}
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *arguments, "run:app"],
        cwd=cwd,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return result.stdout


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """gunicorn's settings, as it prints them."""
    printed = gunicorn("--print-config", folder=tmp_path_factory.mktemp("gunicorn"))
    return dict(re.findall(r"^(\w+)\s*= (.*)$", printed, re.MULTILINE))


def test_idle_connections_are_kept_longer_than_a_proxy_keeps_them(settings):
    """The proxy must close first: else it sends a request on a connection that is being closed."""
    assert int(settings["keepalive"]) > 60  # seconds: nginx's and AWS's default


def test_the_master_loads_the_application_before_it_forks(settings):
    assert settings["preload_app"] == "True"


def test_a_mistake_in_the_code_is_shown_with_its_traceback(tmp_path):
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns(".*", "tests", "instance", "__pycache__")
    shutil.copytree(config.ROOT, project, ignore=ignored)
    with (project / "application" / "models.py").open("a") as models:
        models.write("undefined_name\n")
    printed = gunicorn(folder=tmp_path, cwd=project)
    assert re.search(r'File ".*/models.py", line \d+, in <module>', printed)
    assert "NameError: name 'undefined_name' is not defined" in printed


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
