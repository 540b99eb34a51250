"""``flask db upgrade``, or the start of gunicorn, as a process of its own."""

import os
import subprocess
import sys
from contextlib import contextmanager

import config
from tests.support.processes import free_port, until

FLASK = [sys.executable, "-m", "flask", "db", "upgrade"]
GUNICORN = [sys.executable, "-m", "gunicorn", "run:app"]


class Upgrade:
    """A running upgrade, whose log goes to a file."""

    def __init__(self, url, folder, command):
        self._log = folder / "upgrade.log"
        environment = os.environ | {
            "DATABASE_URL": url,
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{free_port()}",
            "TMPDIR": str(folder),
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=config.ROOT, env=environment, stdout=log, stderr=log
            )

    @property
    def log(self):
        return self._log.read_text()

    def says(self, text):
        """Wait until the log has a text."""
        until(lambda: text in self.log or self.process.poll() is not None)
        assert text in self.log, self.log

    def wait(self):
        """Wait for the end of the process and return its status."""
        return self.process.wait(timeout=60)


@contextmanager
def upgrading(url, folder, command=FLASK):
    """Run an upgrade, which is killed at the end of the block if it still runs."""
    upgrade = Upgrade(url, folder, command)
    try:
        yield upgrade
    finally:
        upgrade.process.kill()
        upgrade.process.wait()
