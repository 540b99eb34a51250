"""What a run says at its end: a table of what the fault tests found, and what was left out.

A plugin of pytest, which pyproject.toml names.
"""

from collections import Counter

import pytest

from tests.support.databases import execute_on
from tests.support.needs import MANY

ROWS = pytest.StashKey[list]()
SLOW = "slow tests, with many processes, browsers, proxies, faults or long waits: make test-all"
OTHERS = [
    *([] if MANY else ["many trials of each fault: make faults"]),
    "the containers: make docker-test",
    "clusters of three nodes: make cluster-test",
]


@pytest.fixture
def report(request):
    """Add a row to the table: a fault, its trials, the database's URL, what was measured."""

    def report(fault: str, trials: int, url: str, found: str) -> None:
        rows = request.config.stash.setdefault(ROWS, [])
        rows.append((fault, str(trials), server_of(url), found))

    return report


def server_of(url: str) -> str:
    if url.startswith("sqlite"):
        return "SQLite"
    version = execute_on(url, "SELECT VERSION()")
    return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {version.partition('-')[0]}"


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if rows and MANY:
        terminalreporter.section("faults")
        for line in table([("fault", "trials", "engine", "found"), *rows]):
            terminalreporter.line(line)
    for line in left_out(terminalreporter.stats, config):
        terminalreporter.line(line)


def table(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"


def left_out(stats, config):
    """Say in one line for each reason what was not tested, and how to test it."""
    skipped = (report.longrepr[2].removeprefix("Skipped: ") for report in stats.get("skipped", ()))
    for reason, count in Counter(skipped).items():
        yield f"{count} {'test was' if count == 1 else 'tests were'} skipped: {reason}"
    if config.args_source is config.ArgsSource.TESTPATHS:  # the whole suite
        deselected = stats.get("deselected", ())
        if slow := sum(item.get_closest_marker("slow") is not None for item in deselected):
            yield f"Left out: {slow} {SLOW}"
        yield from (f"Left out: {what}" for what in OTHERS)
