"""Requests that schemathesis makes from the description, sent to the service as shipped."""

import os
import subprocess
import sys

import pytest

import config

pytestmark = pytest.mark.slow  # thousands of requests


def test_schemathesis_finds_no_difference_from_the_description(start, tmp_path, user_service):
    admin = user_service.add("admin", is_admin=True)
    service = start(f"sqlite:///{tmp_path}/order.db", ORDERS_REQUIRE_ADMIN="true")
    settings = config.ROOT / "tests" / "schemathesis.toml"
    command = ["-m", "schemathesis.cli", "--config-file", settings, "run", "--no-color"]
    command += ["--checks", "all", "--max-examples", "50", "--seed", "1"]
    command += ["--header", f"Authorization: Basic {admin['api_key']}"]
    result = subprocess.run(
        [sys.executable, *command, f"{service.url}/openapi.json"],
        cwd=tmp_path,  # it writes files there
        env=os.environ | {"PYTHONPATH": str(config.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert "Selected: 12/12" in result.stdout
    assert "Traceback" not in service.log.read_text()
