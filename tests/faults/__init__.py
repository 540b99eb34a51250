"""What may go wrong: ``make test`` tries each fault a few times, ``make faults`` many times."""

import os

import pytest

MANY = "FAULTS" in os.environ


def trials(few: int, many: int) -> pytest.MarkDecorator:
    """Give a test the number of its trials."""
    return pytest.mark.parametrize("trials", [many if MANY else few])
