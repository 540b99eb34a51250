"""docker-compose.yml as shipped, on a real Docker engine."""

import json

import requests

from demo.user_service import ADMIN_KEY
from tests.support.docker import LOGIN, PASSWORD, URL, add_item, container, docker, get, inside
from tests.support.processes import until

ADDRESSES = """
import socket, sys
try:
    print(*{info[4][0] for info in socket.getaddrinfo(sys.argv[1], 0)})
except socket.gaierror:
    pass
"""


def addresses(service, name):
    """Return the addresses to which a service's container resolves a name."""
    return inside(service, "python", "-c", ADDRESSES, name).split()


def address(container_id, network):
    template = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
    return docker("inspect", "--format", template, container_id)


def test_the_whole_flow_from_outside():
    added = add_item()
    assert added.status_code == 200
    order = added.json()["result"]
    assert get("/api/order").json() == {"result": order}
    closed = requests.post(f"{URL}/api/order/checkout", headers=LOGIN, timeout=60).json()
    assert closed["result"] == order | {
        "is_open": False,
        "date_updated": closed["result"]["date_updated"],
    }
    assert requests.get(f"{URL}/api/orders", timeout=60).status_code == 401
    assert get("/api/orders").status_code == 403
    admin = {"Authorization": f"Basic {ADMIN_KEY}"}
    listed = requests.get(f"{URL}/api/orders", headers=admin, timeout=60).json()
    assert closed["result"] in listed


def test_it_has_no_privileges_and_can_get_none():
    lines = inside("order-service", "cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert (status["CapBnd"], status["NoNewPrivs"]) == ("0" * 16, "1")


def test_it_serves_metrics_and_logs_json():
    add_item()
    assert "items_added_total " in get("/metrics").text
    log = docker("compose", "logs", "--no-log-prefix", "order-service").splitlines()
    messages = [json.loads(line)["message"] for line in log]
    assert any("POST /api/order/add-item 200" in message for message in messages)


def test_any_password_reaches_the_service_as_it_is():
    """The service and MySQL's health check log in with it: otherwise nothing here would start."""
    assert inside("order-service", "printenv", "DATABASE_PASSWORD") == PASSWORD
    assert inside("order-db", "printenv", "MYSQL_PASSWORD") == PASSWORD


def test_only_order_service_reaches_its_database(course_database):
    """The course's containers keep their own order-db, and order-service cannot confuse both."""
    database = docker("compose", "ps", "--quiet", "order-db")
    ours = address(database, "order-docker-test_database")
    assert addresses("order-service", "order-service-db") == [ours]
    assert addresses("user-service", "order-service-db") == []
    assert addresses("user-service", "order-db") == [address(course_database, "micro_network")]


def test_the_frontend_finds_it_as_corder_service():
    service = docker("compose", "ps", "--quiet", "order-service")
    assert addresses("user-service", "corder-service") == [address(service, "micro_network")]


def test_user_service_may_be_called_cuser_service():
    user_service = ["--net=micro_network", "--network-alias=cuser-service", "--init"]
    code = ["--volume=./demo:/app/demo:ro", "--workdir=/app"]
    command = ["python:3.13-slim", "python", "-m", "demo.user_service"]
    up = "compose", "up", "--detach", "--wait"
    docker("compose", "stop", "user-service")
    try:
        with container("cuser-service", *user_service, *code, *command):
            docker(*up, "order-service", USER_SERVICE_URL="http://cuser-service:5001")
            assert add_item().status_code == 200
    finally:
        docker(*up)
    assert add_item().status_code == 200


def test_it_survives_a_restart_of_the_database():
    before = add_item().json()["result"]
    started = docker("compose", "ps", "--quiet", "order-service")
    docker("compose", "stop", "order-db")
    down = add_item()
    assert (down.status_code, down.json()) == (503, {"message": "Database unavailable"})
    assert down.headers["Retry-After"]
    assert [get(path).status_code for path in ("/healthz", "/readyz")] == [200, 503]
    docker("compose", "start", "order-db")
    answer = until(lambda: (again := add_item()).status_code == 200 and again, 120)
    assert answer.json()["result"]["items"][0]["quantity"] == before["items"][0]["quantity"] + 2
    assert docker("compose", "ps", "--quiet", "order-service") == started
    assert get("/readyz").json()["message"] == "Ready"
