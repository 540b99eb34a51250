"""``make run``: it serves, the curl lines that it prints work, and it leaves no process behind."""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest

import config
from demo.ports import listening
from tests.support.needs import need_program
from tests.support.processes import children, free_port, until

COMMAND = [sys.executable, "-m", "demo"]


@pytest.fixture
def start_demo(tmp_path):
    """Start ``make run`` in a process group of its own, as in a terminal, on a new database."""
    need_program("curl")
    if any(listening(port) for port in (5001, 5003)):
        pytest.skip("they need ports 5001 and 5003: stop the programs that listen there")
    with ExitStack() as running:

        def start(*port):
            process = subprocess.Popen(
                [*COMMAND, *port],
                cwd=config.ROOT,
                env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            running.enter_context(process)  # waits for its end
            running.callback(process.terminate)  # usually it has ended
            return process

        yield start


@pytest.fixture
def demo(start_demo):
    return start_demo()


def run_to_its_end(*port):
    """Return what a start that fails writes to stderr."""
    ended = subprocess.run([*COMMAND, *port], cwd=config.ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    return ended.stderr


def lines_until(process, pattern):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError("".join(lines))


def assert_printed_lines_work(demo):
    printed = lines_until(demo, "order/checkout")
    commands = [shlex.split(line) for line in printed if line.strip().startswith("curl")]
    answers = [subprocess.check_output([*curl, "--silent"], text=True) for curl in commands]
    assert ['"is_open":true' in answer for answer in answers] == [True, True, False]
    assert '"is_open":false' in answers[2]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_lines_work_and_no_process_is_left(demo, ending):
    assert_printed_lines_work(demo)

    assert re.fullmatch(r"Port 5003 is taken: .*\n", run_to_its_end())

    if ending == signal.SIGINT:
        os.killpg(demo.pid, ending)  # Ctrl-C reaches every process of the terminal
    else:
        demo.terminate()
    demo.stdout.read()  # until no process can write to it any more
    demo.wait(timeout=60)
    assert not any(listening(port) for port in (5001, 5003))


def test_ctrl_c_reaches_the_service_from_this_program_only(demo):
    """gunicorn's workers may deadlock if the terminal and their master both signal them."""
    lines_until(demo, "order/checkout")
    (service,) = children(demo.pid)
    assert os.getpgid(service) != os.getpgid(demo.pid)
    workers = until(lambda: children(service))
    assert {os.getpgid(worker) for worker in workers} == {os.getpgid(service)}


def test_nothing_is_left_if_nobody_reads_its_output(demo):
    demo.stdout.close()
    assert demo.wait(timeout=60) != 0
    assert not listening(5003)


def test_it_serves_on_another_port(start_demo):
    port = free_port()
    demo = start_demo(str(port))
    assert_printed_lines_work(demo)
    assert listening(port)
    assert not listening(5003)
    second = run_to_its_end()  # port 5003 is free, so it comes to the stand-in's
    assert second == "Port 5001 is taken: stop the program that listens there and try again.\n"


@pytest.mark.parametrize("port", ["abc", "80", "65536", "5001"])
def test_a_port_that_cannot_be_used_is_one_line(port):
    assert re.fullmatch(r"PORT must .+\n", run_to_its_end(port))
