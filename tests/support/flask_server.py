"""Flask's own server, as a real process."""

import os
import sys
from contextlib import contextmanager

import config
from demo.ports import listening
from tests.support.processes import running_program


@contextmanager
def flask_server(log, port, *command, **settings):
    """Run a Python command that serves on a port; its output goes into the log."""
    where = {"cwd": config.ROOT, "env": os.environ | settings}
    with (
        log.open("w") as file,
        running_program([sys.executable, *command], lambda: listening(port), file, **where),
    ):
        yield
