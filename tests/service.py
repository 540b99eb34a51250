"""The service as shipped, gunicorn with its own configuration, as a real process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import config
from demo.ports import listening


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, seconds=10.0):
    """Wait until the condition holds, and return its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return value


def has_signal(pid: int, mask: str, number: int) -> bool:
    """Whether a process handles a signal ("SigCgt") or has yet to receive it ("ShdPnd")."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(re.search(rf"{mask}:\s*(\w+)", status)[1], 16) >> (number - 1) & 1)


class Service:
    """One instance of order-service, or of another application, in a process group of its own."""

    def __init__(
        self,
        database_url: str,
        user_service_url: str,
        log: Path,
        app: str = "run:app",
        options: str = "--log-level debug",
        **settings,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.database_url = database_url
        self._app = app
        self._environment = os.environ | {
            "CONFIGURATION_SETUP": "config.ProductionConfig",
            "DATABASE_URL": database_url,
            "USER_SERVICE_URL": user_service_url,
            "ORDERS_REQUIRE_ADMIN": "false",
            "WEB_CONCURRENCY": "2",
            "TMPDIR": str(log.parent),  # one that is killed leaves its counts behind
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self.port} {options}",
            **settings,
        }

    def __enter__(self) -> "Service":
        return self.start()

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self) -> "Service":
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", self._app],
                cwd=config.ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self.all_serve, 30)
        except AssertionError:
            self.kill()
            raise
        return self

    def all_serve(self) -> bool:
        """Whether all workers have booted: gunicorn loses a SIGTERM that comes before that."""
        assert self._process.poll() is None, self.log.read_text()
        # SIGABRT is what a worker handles last, and its parent never.
        booted = [pid for pid in self.workers() if has_signal(pid, "SigCgt", signal.SIGABRT)]
        return len(booted) == int(self._environment["WEB_CONCURRENCY"])

    @property
    def pid(self) -> int:
        return self._process.pid

    def workers(self) -> list[int]:
        children = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        return [int(pid) for pid in Path(children).read_text().split()]

    def terminate(self) -> None:
        """Ask for the graceful end; returns at once."""
        self._process.terminate()

    def wait(self) -> int:
        return self._process.wait(timeout=40)

    def stop(self) -> float:
        """End gracefully, and return how many seconds that took."""
        began = time.monotonic()
        self.terminate()
        assert self.wait() == 0
        return time.monotonic() - began

    def kill(self) -> None:
        """End every process of the service with SIGKILL."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not listening(self.port))
