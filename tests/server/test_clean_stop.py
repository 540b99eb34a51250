"""After a clean stop, SQLite's database is one file, which can be copied."""

import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing

import pytest
import requests

import config
from application.database import sqlite
from demo.ports import listening
from tests.support.api import ADD
from tests.support.processes import free_port, running_program
from tests.support.service import GUNICORN

COMMANDS = {
    "gunicorn": [GUNICORN, "run:app"],
    "flask run": ["-m", "flask", "run"],
    "python run.py": ["run.py"],
}


@pytest.mark.slow  # a server for each
@pytest.mark.parametrize(
    ("command", "end"),
    [
        *(("gunicorn", signal.SIGTERM), ("gunicorn", signal.SIGINT)),
        *(("flask run", signal.SIGTERM), ("flask run", signal.SIGINT)),
        *(("python run.py", signal.SIGTERM), ("python run.py", signal.SIGINT)),
    ],
)
def test_a_clean_stop_leaves_one_file_with_everything(tmp_path, user_service, login, command, end):
    port, file = str(free_port()), tmp_path / "order.db"
    settings = {"DATABASE_URL": f"sqlite:///{file}", "USER_SERVICE_URL": user_service.url}
    settings |= {"PORT": port, "FLASK_RUN_PORT": port, "WEB_CONCURRENCY": "2"}
    # A shell that runs the tests in the background lets its children ignore SIGINT.
    command = ["env", "--default-signal=INT", sys.executable, *COMMANDS[command]]
    where = {"cwd": config.ROOT, "env": os.environ | settings}
    with running_program(command, lambda: listening(int(port)), **where) as process:
        for product in range(20):  # by several connections, and both workers
            body = {"product_id": product + 1, "qty": 1}
            url = f"http://127.0.0.1:{port}{ADD}"
            assert requests.post(url, body, headers=login, timeout=60).status_code == 200
            assert requests.get(f"http://127.0.0.1:{port}/api/orders", timeout=60).ok
        process.send_signal(end)
        assert process.wait(60) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["order.db"]
    copy = shutil.copy(file, tmp_path / "copy.db")
    with sqlite3.connect(copy) as database:
        assert database.execute("SELECT COUNT(*) FROM order_item").fetchone() == (20,)


@pytest.mark.slow  # waits for another process
def test_a_stop_beside_another_process_that_writes_is_short_and_tells_of_it(tmp_path, start):
    file = tmp_path / "order.db"
    service = start(f"sqlite:///{file}")
    assert requests.get(f"{service.url}/api/orders", timeout=60).ok
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert service.stop() < sqlite.TIMEOUT
    assert "a copy needs" in service.log.read_text()


@pytest.mark.slow  # a server
def test_a_stop_makes_no_database_where_the_file_is_gone(tmp_path, start):
    file = tmp_path / "order.db"
    service = start(f"sqlite:///{file}")
    for path in tmp_path.glob("order.db*"):
        path.unlink()
    service.stop()
    assert not file.exists()
