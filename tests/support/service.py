"""The service as shipped, gunicorn with its own configuration, as a real process."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import config
from demo.ports import listening
from tests.support.processes import children, free_port, has_booted, until

# Not `python -m gunicorn`, which cannot start a new master on SIGUSR2.
GUNICORN = str(Path(sys.executable).with_name("gunicorn"))


class Service:
    """One instance of order-service, or of another application, in a process group of its own.

    ``cwd`` holds the code, this one's unless it is given.
    """

    def __init__(
        self,
        database_url: str,
        user_service_url: str,
        log: Path,
        app: str = "run:app",
        options: str = "--log-level debug",
        cwd: Path = config.ROOT,
        program: tuple[str, ...] = (GUNICORN,),
        **settings,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.database_url = database_url
        self._command, self._cwd = [sys.executable, *program, app], cwd
        self._environment = os.environ | {
            "CONFIGURATION_SETUP": "config.ProductionConfig",
            "DATABASE_URL": database_url,
            "USER_SERVICE_URL": user_service_url,
            "ORDERS_REQUIRE_ADMIN": "false",
            "WEB_CONCURRENCY": "2",
            "TMPDIR": str(log.parent),  # the metrics of a killed instance stay there
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self.port} {options}",
            **settings,
        }

    def __enter__(self) -> "Service":
        return self.start()

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self) -> "Service":
        """Start the process and wait until all its workers have booted."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self.all_serve)
        except BaseException:
            self.kill()
            raise
        return self

    def all_serve(self) -> bool:
        """Return whether all workers have booted: gunicorn loses a SIGTERM that comes earlier."""
        assert self._process.poll() is None, self.log.read_text()
        booted = [pid for pid in self.workers() if has_booted(pid)]
        return len(booted) == int(self._environment["WEB_CONCURRENCY"])

    @property
    def pid(self) -> int:
        return self._process.pid

    def workers(self) -> list[int]:
        return children(self._process.pid)

    def kill_a_worker(self) -> None:
        """End one of the workers with SIGKILL; gunicorn starts another."""
        for pid in random.sample(workers := self.workers(), len(workers)):
            with suppress(ProcessLookupError):  # it has just ended
                return os.kill(pid, signal.SIGKILL)

    def answers_by_worker(self) -> Counter[int]:
        """Return how many lines of requests each process, by its id, wrote to the JSON log."""
        log = self.log.read_text().splitlines()
        return Counter(json.loads(line)["process"] for line in log if '"status": ' in line)

    def terminate(self) -> None:
        """Send SIGTERM, and return at once."""
        self._process.terminate()

    def wait(self) -> int:
        """Wait for the end of the process and return its status."""
        return self._process.wait(timeout=60)

    def stop(self) -> float:
        """Stop it by SIGTERM, and return how many seconds that took."""
        began = time.monotonic()
        self.terminate()
        assert self.wait() == 0
        return time.monotonic() - began

    @contextmanager
    def replaced(self):
        """Let a new master, which SIGUSR2 starts, take this one's place during the block."""
        workers = set(self.workers())
        os.kill(self.pid, signal.SIGUSR2)
        (new,) = until(lambda: set(self.workers()) - workers)
        try:
            until(lambda: sum(has_booted(pid) for pid in children(new)) == len(workers))
            self.stop()
            yield
        finally:
            os.kill(new, signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the service with SIGKILL."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not listening(self.port))
