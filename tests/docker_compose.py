"""``make docker-test``: the containers as shipped, on a real Docker engine."""

import json
import os
import subprocess

import pytest
import requests

import config
from demo.user_service import DEMO_KEY
from tests.support.databases import head_revision
from tests.support.processes import until

URL = "http://127.0.0.1:15003"
LOGIN = {"Authorization": f"Basic {DEMO_KEY}"}
SETTINGS = {"COMPOSE_PROJECT_NAME": "order-docker-test", "COMPOSE_PROFILES": "demo"}
PORTS = {"ORDER_PORT": "15003", "USER_PORT": "15001"}


def docker(*arguments: str) -> str:
    result = subprocess.run(
        ["docker", *arguments],
        cwd=config.ROOT,
        env=os.environ | SETTINGS | PORTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def inside(*command: str) -> str:
    return docker("compose", "exec", "-T", "order-service", *command)


def mysql(statement: str) -> str:
    client = ["mysql", "-S/var/run/mysqld/mysqld.sock", "-uroot", "-pcloudacademy", "-NBe"]
    return docker("compose", "exec", "-T", "order-db", *client, statement)


def add_item():
    return requests.post(
        f"{URL}/api/order/add-item", {"product_id": 5, "qty": 2}, headers=LOGIN, timeout=60
    )


def probe(name: str):
    return requests.get(f"{URL}/{name}", timeout=60)


@pytest.fixture(scope="module", autouse=True)
def stack():
    made = "micro_network" not in docker("network", "ls", "--format", "{{.Name}}").splitlines()
    if made:
        docker("network", "create", "micro_network")
    try:
        docker("compose", "up", "--build", "--detach", "--wait")
        yield
    finally:
        docker("compose", "down", "--volumes", "--rmi", "local")
        if made:
            docker("network", "rm", "micro_network")


def test_the_whole_flow_from_outside():
    added = add_item()
    assert added.status_code == 200
    order = added.json()["result"]
    assert requests.get(f"{URL}/api/order", headers=LOGIN, timeout=60).json() == {"result": order}
    closed = requests.post(f"{URL}/api/order/checkout", headers=LOGIN, timeout=60).json()
    assert closed["result"] == order | {
        "is_open": False,
        "date_updated": closed["result"]["date_updated"],
    }
    assert requests.get(f"{URL}/api/orders", timeout=60).status_code == 401
    assert requests.get(f"{URL}/api/orders", headers=LOGIN, timeout=60).status_code == 403


def test_it_serves_metrics_and_logs_json():
    add_item()
    assert "items_added_total " in requests.get(f"{URL}/metrics", timeout=60).text
    log = docker("compose", "logs", "--no-log-prefix", "order-service").splitlines()
    messages = [json.loads(line)["message"] for line in log]
    assert any("POST /api/order/add-item 200" in message for message in messages)


def test_the_container_does_not_run_as_root_and_holds_only_the_service():
    assert inside("id", "-un") == "order"
    assert set(inside("ls", "-A").split()) == {
        "application", "migrations", "config.py", "gunicorn.conf.py", "requirements.txt", "run.py"
    }  # fmt: skip
    look_up = "import socket; print(socket.gethostbyname('corder-service'))"
    assert inside("python", "-c", look_up).count(".") == 3


def test_it_survives_a_restart_of_the_database():
    before = add_item().json()["result"]
    started = docker("compose", "ps", "-q", "order-service")
    docker("compose", "stop", "order-db")
    down = add_item()
    assert (down.status_code, down.json()) == (503, {"message": "Database unavailable"})
    assert down.headers["Retry-After"]
    assert [probe(path).status_code for path in ("healthz", "readyz")] == [200, 503]
    docker("compose", "start", "order-db")
    answer = until(lambda: (again := add_item()).status_code == 200 and again, 120)
    assert answer.json()["result"]["items"][0]["quantity"] == before["items"][0]["quantity"] + 2
    assert docker("compose", "ps", "-q", "order-service") == started
    assert probe("readyz").json()["message"] == "Ready"


def test_three_replicas_start_on_an_empty_database_at_once():
    mysql("CREATE DATABASE three; GRANT ALL ON three.* TO cloudacademy@'%'")
    image = docker("compose", "images", "-q", "order-service")
    url = "mysql+pymysql://cloudacademy:cloudacademy@order-db/three"
    options = ["--detach", "--net=micro_network", "--read-only", "--tmpfs=/tmp"]
    names = [f"order-docker-test-{n}" for n in range(3)]
    try:
        for name in names:
            docker("run", *options, "--name", name, "-e", f"DATABASE_URL={url}", image)
        health = ["inspect", "--format", "{{.State.Health.Status}} {{.RestartCount}}", *names]
        until(lambda: docker(*health).splitlines() == ["healthy 0"] * 3, 120)
        assert mysql("SELECT version_num FROM three.alembic_version") == head_revision()
    finally:
        docker("rm", "--force", *names)
