"""A mistake in the code, which must be seen when the service starts."""

import os
import shutil
import subprocess
import sys

import pytest

import config
from tests.support.processes import free_port

PARTS = ["application", "config.py", "gunicorn.conf.py", "migrations", "run.py"]


@pytest.fixture
def project(tmp_path):
    """A copy of what a container holds."""
    folder = tmp_path / "project"
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (config.ROOT / part).is_dir() else shutil.copy
        copy(config.ROOT / part, folder / part)
    return folder


def test_it_ends_the_start_with_its_traceback(project, tmp_path):
    models = project / "application" / "models.py"
    with models.open("a") as file:
        file.write("undefined_name\n")
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{free_port()}", "run:app"],
        cwd=project,
        env=os.environ
        | {"DATABASE_URL": f"sqlite:///{tmp_path}/order.db", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    line = len(models.read_text().splitlines())
    for said in (
        "Traceback (most recent call last):",
        f'File "{models}", line {line}, in <module>',
        "NameError: name 'undefined_name' is not defined",
    ):
        assert said in result.stdout + result.stderr
