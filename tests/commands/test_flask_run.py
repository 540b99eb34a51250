"""``flask run`` and ``python run.py``, for those who have no make and no gunicorn."""

import pytest
import requests

from application import __version__
from tests.support.flask_server import flask_server
from tests.support.needs import need_ports
from tests.support.processes import free_port


def assert_it_migrates_and_says_where_it_is(folder, port, *command):
    log = folder / "flask.log"
    with flask_server(log, port, *command, DATABASE_URL=f"sqlite:///{folder}/order.db"):
        answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=60)
    assert answer.json()["migrations"] == "ok"
    where = f"config.DevelopmentConfig, sqlite:///{folder}/order.db"
    line = f"INFO order-service {__version__} starts on http://127.0.0.1:{port}: {where} [-]"
    assert log.read_text().count(line) == 1


def test_flask_run_migrates_and_tells_its_url(tmp_path):
    port = free_port()
    command = ["-m", "flask", "run", "--port", str(port)]
    assert_it_migrates_and_says_where_it_is(tmp_path, port, *command)


@pytest.mark.slow  # port 5003
def test_python_run_py_migrates_and_tells_its_url(tmp_path):
    need_ports(5003)
    assert_it_migrates_and_says_where_it_is(tmp_path, 5003, "run.py")
