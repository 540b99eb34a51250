"""gunicorn as shipped, in production, run to its end."""

import os
import shutil
import subprocess
import sys

import config

NOT_THE_SERVICE = shutil.ignore_patterns(".*", "tests", "instance", "__pycache__")


def run_gunicorn(folder, *arguments, cwd=config.ROOT, **settings):
    """Run gunicorn, which keeps all its files in a folder; return the ended process."""
    environment = {
        "CONFIGURATION_SETUP": "config.ProductionConfig",
        "DATABASE_URL": f"sqlite:///{folder}/order.db",
        "TMPDIR": str(folder),
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *arguments, "run:app"],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


def copy_of_the_service(folder):
    """Copy what the service needs, without a .env, so that a test may change it."""
    return shutil.copytree(config.ROOT, folder / "project", ignore=NOT_THE_SERVICE)
