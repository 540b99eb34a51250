"""``make run``: it serves, the curl lines that it prints work, and it leaves no process behind."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
import requests

import config
from demo.ports import listening
from demo.user_service import ADMIN_KEY, DEMO_KEY, UserService
from tests.support.needs import need_ports, need_program
from tests.support.processes import children, free_port

COMMAND = [sys.executable, "-m", "demo"]
PORTS = pytest.mark.slow  # 5001 and 5003 must be free


@pytest.fixture
def start_demo(tmp_path):
    """Start ``make run`` in a process group of its own, as in a terminal, on a new database."""
    need_program("curl")
    need_ports(5001, 5003)
    with ExitStack() as running:

        def start(*port, **settings):
            process = subprocess.Popen(
                [*COMMAND, *port],
                cwd=config.ROOT,
                env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"} | settings,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            running.enter_context(process)  # waits for its end
            running.callback(process.terminate)  # usually it has ended
            return process

        yield start


def run_to_its_end(*port):
    """Return what a start that fails writes to stderr."""
    ended = subprocess.run([*COMMAND, *port], cwd=config.ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    return ended.stderr


def greeting(demo):
    """Return the demo's output up to the end of its greeting."""
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "and authorize with" in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def assert_printed_lines_work(demo):
    commands = [shlex.split(line) for line in greeting(demo).splitlines() if "  curl" in line]
    answers = [subprocess.check_output([*curl, "--silent"], text=True) for curl in commands]
    added, shown, closed, listed = map(json.loads, answers)
    assert added == shown
    assert (shown["result"]["is_open"], closed["result"]["is_open"]) == (True, False)
    assert listed == [closed["result"]]


def assert_it_ends(demo):
    """Return what it has written since the last read line."""
    written = demo.stdout.read()  # until no process can write to it any more
    demo.wait(timeout=60)
    assert not any(listening(port) for port in (5001, 5003))
    return written


@PORTS
def test_the_printed_lines_work_and_ctrl_c_ends_everything(start_demo):
    """The greeting is the last text on the screen: only requests are logged after it."""
    demo = start_demo()
    assert_printed_lines_work(demo)
    assert re.fullmatch(r"Port 5003 is taken: .*\n", run_to_its_end())

    # gunicorn's workers may deadlock if the terminal and their master both signal them.
    (service,) = children(demo.pid)
    assert os.getpgid(service) != os.getpgid(demo.pid)
    assert {os.getpgid(worker) for worker in children(service)} == {os.getpgid(service)}

    os.killpg(demo.pid, signal.SIGINT)  # Ctrl-C reaches every process of the terminal
    assert re.fullmatch(r"\n(.* INFO (GET|POST) /api/.* 200 .*\n){4}", assert_it_ends(demo))


@PORTS
def test_it_serves_on_another_port_and_sigterm_ends_everything(start_demo):
    """With production's rule for the list of all orders, too."""
    port = free_port()
    demo = start_demo(str(port), ORDERS_REQUIRE_ADMIN="true")
    assert_printed_lines_work(demo)
    url = f"http://localhost:{port}/api/orders"
    by_user = requests.get(url, headers={"Authorization": f"Basic {DEMO_KEY}"}, timeout=60)
    assert by_user.status_code == 403

    assert not listening(5003)
    second = run_to_its_end()  # port 5003 is free, so it comes to the stand-in's
    assert second == "Port 5001 is taken: stop the program that listens there and try again.\n"

    demo.terminate()
    assert_it_ends(demo)
    assert not listening(port)


@PORTS
def test_nothing_is_left_if_nobody_reads_its_output(start_demo):
    demo = start_demo()
    demo.stdout.close()
    assert demo.wait(timeout=60) != 0
    assert not listening(5003)


def test_new_users_have_other_ids_after_a_restart():
    """Otherwise they would see the carts that earlier users have left in the database."""
    ids = []
    for _ in range(2):
        with UserService() as user_service:
            ids += [user_service.add(f"user {number}")["id"] for number in range(3)]
            assert [user_service.users[key]["id"] for key in (DEMO_KEY, ADMIN_KEY)] == [1, 2]
    assert len({1, 2, *ids}) == 8


@pytest.mark.parametrize("file", ["README.md", "application/openapi.json"])
def test_the_keys_are_told(file):
    text = (config.ROOT / file).read_text()
    assert DEMO_KEY in text
    assert ADMIN_KEY in text


@pytest.mark.parametrize("port", ["abc", "80", "65536", "5001"])
def test_a_port_that_cannot_be_used_is_one_line(port):
    assert re.fullmatch(r"PORT must .+\n", run_to_its_end(port))
