"""Races on one server: 16 threads, each on a connection of its own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.races import THREADS, Races


@pytest.fixture
def at_once(app):
    """Call a function with each of the arguments, 16 at a time, and list its results."""

    def run(function, arguments):
        with ThreadPoolExecutor(THREADS) as threads:
            calls = [threads.submit(function, app.test_client(), item) for item in arguments]
            return [call.result() for call in calls]

    return run


class TestRaces(Races):
    """On one server."""
