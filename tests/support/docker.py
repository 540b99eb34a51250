"""The containers of docker-compose.yml, and others beside them."""

import os
import subprocess
from contextlib import contextmanager

import requests

import config
from demo.user_service import DEMO_KEY

PROJECT = "order-docker-test"
URL = "http://127.0.0.1:15003"
LOGIN = {"Authorization": f"Basic {DEMO_KEY}"}
PASSWORD = "p@ss:%41 $HOME/'\"`#"  # for SQL, URLs, shells and compose, each has its own traps
SETTINGS = {
    "COMPOSE_PROJECT_NAME": PROJECT,
    "COMPOSE_PROFILES": "demo",
    "DB_PASSWORD": PASSWORD,
    "ORDER_PORT": "15003",
    "USER_PORT": "15001",
}
READ_ONLY = ["--read-only", "--tmpfs=/tmp"]


def docker(*arguments: str, **settings: str) -> str:
    """Run docker with the settings in its environment, and return what it prints."""
    result = subprocess.run(
        ["docker", *arguments],
        cwd=config.ROOT,
        env=os.environ | SETTINGS | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@contextmanager
def container(name: str, *arguments: str):
    """Run a container during the block, by the arguments of ``docker run``; give its name."""
    name = f"{PROJECT}-{name}"
    try:
        docker("run", "--detach", f"--name={name}", *arguments)
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def inside(service: str, *command: str) -> str:
    return docker("compose", "exec", "-T", service, *command)


def mysql(statement: str) -> str:
    """Execute a statement as root; return the first column's first value."""
    client = ["mysql", "-S/var/run/mysqld/mysqld.sock", "-uroot", "-pcloudacademy", "-NBe"]
    return inside("order-db", *client, statement)


def add_item():
    body = {"product_id": 5, "qty": 2}
    return requests.post(f"{URL}/api/order/add-item", body, headers=LOGIN, timeout=60)


def get(path: str):
    return requests.get(f"{URL}{path}", headers=LOGIN, timeout=60)
