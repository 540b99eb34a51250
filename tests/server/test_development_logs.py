"""The log in development, of gunicorn and of Flask's own server: each event is in it once."""

import re
from collections import Counter
from contextlib import contextmanager

import pytest
import requests

from tests.support.api import ADD
from tests.support.databases import migrate
from tests.support.flask_server import flask_server
from tests.support.processes import free_port, until

DEVELOPMENT = {"CONFIGURATION_SETUP": "config.DevelopmentConfig", "SQLALCHEMY_ECHO": "true"}
TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", re.MULTILINE)


@pytest.fixture
def gunicorn(start, tmp_path):
    @contextmanager
    def run(url):
        service = start(url, **DEVELOPMENT, options="")
        yield service.url, service.log
        service.stop()

    return run


@pytest.fixture
def flask_run(user_service, tmp_path):
    @contextmanager
    def run(url):
        port, log = free_port(), tmp_path / "flask.log"
        command = ["-m", "flask", "--app", "run", "run", "--port", str(port)]
        own = {"DATABASE_URL": url, "USER_SERVICE_URL": user_service.url}
        with flask_server(log, port, *command, **DEVELOPMENT, **own):
            yield f"http://127.0.0.1:{port}", log

    return run


@pytest.fixture
def log(request, tmp_path, login):
    """What a server logs of two changes of a cart and a refused one: its events, without times."""
    url = f"sqlite:///{tmp_path}/order.db"
    migrate(url)
    with request.getfixturevalue(request.param)(url) as (server, file):
        for name, quantity in (("first", 1), ("second", 2), ("third", 0)):
            requests.post(
                f"{server}{ADD}",
                {"product_id": 5, "qty": quantity},
                headers=login | {"X-Request-ID": name},
                timeout=60,
            )
        until(lambda: f"POST {ADD} 400" in file.read_text())
    text = file.read_text()
    assert TIME.search(text), text
    return [event.strip() for event in TIME.split(text)]


@pytest.mark.parametrize("log", ["gunicorn", "flask_run"], indirect=True)
def test_each_event_is_logged_once_and_without_escape_codes(log):
    events = Counter(event for event in log if "[raw sql]" not in event)  # has no text of its own
    assert [event for event, number in events.items() if number > 1] == []
    for said in (
        rf"INFO POST {ADD} 200 [\d.]+ ms, 127\.0\.0\.1, user \d+ \[first\]",
        rf"INFO POST {ADD} 200 [\d.]+ ms, 127\.0\.0\.1, user \d+ \[second\]",
        rf"INFO POST {ADD} 400 [\d.]+ ms, 127\.0\.0\.1, user \d+ \[third\]",
        r"INFO COMMIT \[first\]",
        r"INFO COMMIT \[second\]",
    ):
        assert sum(bool(re.fullmatch(said, event)) for event in log) == 1, said
    assert not [event for event in log if "Pool" in event or "\x1b" in event]
