"""``make run``: it serves, the curl lines that it prints work, and it leaves no process behind."""

import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

import config
from demo.ports import listening
from tests.support.needs import need_program
from tests.support.processes import children, until

COMMAND = [sys.executable, "-m", "demo"]


@pytest.fixture
def demo(tmp_path):
    """``make run`` in a process group of its own, as in a terminal, on a database of its own."""
    need_program("curl")
    if any(listening(port) for port in (5001, 5003)):
        pytest.skip("they need ports 5001 and 5003: stop the programs that listen there")
    process = subprocess.Popen(
        COMMAND,
        cwd=config.ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()  # usually it has ended
            process.wait(timeout=60)


def lines_until(process, pattern):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_lines_work_and_no_process_is_left(demo, ending):
    printed = lines_until(demo, "order/checkout")
    commands = [shlex.split(line) for line in printed if line.strip().startswith("curl")]
    answers = [subprocess.check_output([*curl, "--silent"], text=True) for curl in commands]
    assert ['"is_open":true' in answer for answer in answers] == [True, True, False]
    assert '"is_open":false' in answers[2]

    second = subprocess.run(COMMAND, cwd=config.ROOT, capture_output=True, text=True)
    assert second.returncode == 1
    assert re.fullmatch(r"Port 5003 is taken: .*\n", second.stderr)

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
