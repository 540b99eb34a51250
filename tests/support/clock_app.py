"""The application of an instance whose clock is ahead, by the seconds in a file."""

import os
from pathlib import Path

from run import app
from tests.support.clock import clock_ahead

__all__ = ["app"]

clock_ahead(lambda: float(Path(os.environ["TEST_CLOCK"]).read_text())).__enter__()
