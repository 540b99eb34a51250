"""``make run``: it serves, its curl lines work when pasted, and it leaves nothing behind."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

import config
from demo.ports import listening


@pytest.fixture
def demo(tmp_path):
    """``make run`` in a process group of its own, as in a terminal, on a database of its own."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    if any(listening(port) for port in (5001, 5003)):
        pytest.skip("port 5001 or 5003 is in use")
    process = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=config.ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        process.kill()


def lines_until(process, pattern):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_lines_work_and_the_end_is_whole(demo, ending):
    printed = lines_until(demo, "order/checkout")
    commands = [shlex.split(line) for line in printed if line.strip().startswith("curl")]
    answers = [subprocess.check_output([*curl, "--silent"], text=True) for curl in commands]
    assert ['"is_open":true' in answer for answer in answers] == [True, True, False]
    assert '"is_open":false' in answers[2]

    taken = subprocess.run([sys.executable, "-m", "demo"], capture_output=True, text=True)
    assert taken.returncode == 1
    assert re.fullmatch(r"Port 5003 is taken: .*\n", taken.stderr)

    if ending == signal.SIGINT:
        os.killpg(demo.pid, ending)  # Ctrl-C is for everybody in the terminal
    else:
        demo.terminate()
    demo.stdout.read()
    demo.wait(timeout=40)
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
