"""Waiting for processes and their ports."""

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, seconds=60.0):
    """Wait until the condition holds and return its value.

    The limit only ends a wait that hangs; it is far above what a slow machine needs.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return value


@contextmanager
def running_program(command, ready, output=subprocess.DEVNULL, **options):
    """Run a program during the block, from the moment when it is ready or has ended."""
    with subprocess.Popen(command, stdout=output, stderr=output, **options) as process:
        try:
            until(lambda: ready() or process.poll() is not None)
            yield process
        finally:
            process.terminate()


def children(pid: int) -> list[int]:
    """Return the ids of a process's children; none if it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []


def has_booted(worker: int) -> bool:
    """Return whether a worker of gunicorn has set all its signal handlers, SIGABRT's the last.

    Its parent never handles SIGABRT. False if the process has ended.
    """
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{worker}/status").read_text()
        handled = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
        return bool(handled >> (signal.SIGABRT - 1) & 1)
    return False


def sockets(pid):
    """Return the number of sockets that a process has open."""
    number = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # just closed
            number += os.readlink(file).startswith("socket:")
    return number
