"""The service's clock, shifted by a test.

``utcnow`` gets other code, since the columns' defaults refer to the function itself.
"""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from application import models


def shifted():
    """Run in the place of ``models.utcnow``, among the names of its module."""
    return datetime.now(UTC).replace(tzinfo=None) + clock_shift()  # noqa: F821


@contextmanager
def clock_ahead(seconds):
    """Let this process's clock be ahead during the block; ``seconds`` is a function."""
    original = models.utcnow.__code__
    models.clock_shift = lambda: timedelta(seconds=seconds())
    models.utcnow.__code__ = shifted.__code__
    try:
        yield
    finally:
        models.utcnow.__code__ = original
        del models.clock_shift
