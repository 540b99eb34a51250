"""gunicorn, as gunicorn.conf.py configures it."""

import os
import re
import subprocess
import sys
from http.client import HTTPConnection

import pytest

import config


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Return what gunicorn prints of one of its settings."""
    folder = tmp_path_factory.mktemp("server")
    printed = subprocess.check_output(
        [sys.executable, "-m", "gunicorn", "--print-config", "run:app"],
        cwd=config.ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{folder}/order.db", "TMPDIR": str(folder)},
        text=True,
    )
    return lambda name: re.search(rf"^{name}\s*= (.*)$", printed, re.MULTILINE)[1]


def test_idle_connections_are_kept_longer_than_a_proxy_keeps_them(setting):
    """The proxy must close first: else it sends a request on a connection that is being closed."""
    assert int(setting("keepalive")) > 60  # seconds: nginx's and AWS's default


def test_the_master_imports_the_application_once_for_all_workers(setting):
    assert setting("preload_app") == "True"


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
