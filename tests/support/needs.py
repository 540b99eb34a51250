"""What tests need beyond Python, and the trials that they make."""

import os
import shutil

import pytest
from sqlalchemy import make_url

from demo.ports import listening

MYSQL = os.environ.get("TEST_DATABASE_URL")
if MYSQL:  # each test makes a database of its own
    MYSQL = make_url(MYSQL).set(database="").render_as_string(hide_password=False)
NO_MYSQL = (
    "they need a MySQL or MariaDB server:"
    " set TEST_DATABASE_URL, as in mysql+pymysql://user:password@host"
)
MANY = "FAULTS" in os.environ


def need_program(program: str) -> None:
    """Skip the test if a program is not installed."""
    if not shutil.which(program):
        pytest.skip(f"they need {program}: install it")


def need_ports(*ports: int) -> None:
    """Skip the test if another program listens on one of the ports."""
    if any(map(listening, ports)):
        named = " and ".join(map(str, ports))
        pytest.skip(f"they need port {named}: stop the program that listens there")


def trials(few: int, many: int) -> pytest.MarkDecorator:
    """Give a test its number of trials: few in ``make test-all``, many in ``make faults``."""
    return pytest.mark.parametrize("trials", [many if MANY else few])
