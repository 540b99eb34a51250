"""Where the service listens, and whose address its log has."""

import json
import os
import socket
import subprocess
from contextlib import suppress
from functools import partial

import pytest
import requests

import config
from demo.ports import listening
from tests.support.namespace import Namespace
from tests.support.needs import need_program
from tests.support.nginx import Nginx
from tests.support.processes import free_port, running_program, until
from tests.support.service import GUNICORN

ALL = ["127.0.0.1", "[::1]"]
FORWARDED = """location / {
    proxy_pass http://ADDRESS;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
}"""


@pytest.fixture
def listen(start, tmp_path):
    """Start the service without any option of gunicorn's, on a port of its own."""

    def listen(**settings):
        url, port = f"sqlite:///{tmp_path}/order.db", free_port()
        return start(url, **{"GUNICORN_CMD_ARGS": "", "PORT": str(port)} | settings), port

    return listen


def reached(port):
    """Return the addresses of this machine at which the service answers."""
    answers = []
    for host in ALL:
        with suppress(requests.ConnectionError):
            answers += [host] * requests.get(f"http://{host}:{port}/healthz", timeout=60).ok
    return answers


def addresses(service, number):
    """Return the callers' addresses in a number of lines about requests."""
    lines = until(
        lambda: (
            len(found := [line for line in log(service) if "address" in line]) == number and found
        )
    )
    return [line["address"] for line in lines]


def log(service):
    return [json.loads(line) for line in service.log.read_text().splitlines()]


@pytest.mark.slow  # a server for each
@pytest.mark.parametrize(
    ("address", "hosts"), [("", ALL), ("127.0.0.1", ALL[:1]), ("::1", ALL[1:]), ("::", ALL)]
)
def test_it_listens_on_all_addresses_or_on_one(listen, address, hosts):
    _, port = listen(BIND_ADDRESS=address)
    assert reached(port) == hosts


def test_the_log_has_the_caller_s_address_by_either_family(listen):
    service, port = listen(LOG_LEVEL="DEBUG")
    assert reached(port) == ALL
    assert addresses(service, 2) == ["127.0.0.1", "::1"]


@pytest.mark.slow  # a network namespace
@pytest.mark.parametrize("sysctl", ["conf/all/disable_ipv6", "bindv6only"])
def test_hosts_without_ipv6_and_hosts_that_keep_the_families_apart_serve_ipv4(tmp_path, sysctl):
    port = free_port()
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/order.db", "PORT": str(port)}
    need_program("curl")
    shell = f'ip link set lo up; echo 1 > /proc/sys/net/ipv6/{sysctl}; exec "$0" run:app'
    with Namespace() as namespace:
        command = namespace.program("sh", "-c", shell, GUNICORN)
        ready = partial(listening, port, namespace.host)
        with running_program(command, ready, cwd=config.ROOT, env=os.environ | settings):
            assert requests.get(f"http://{namespace.host}:{port}/healthz", timeout=60).ok
            if sysctl == "bindv6only":
                curl = namespace.program(
                    "curl", "--fail", "--silent", f"http://[::1]:{port}/healthz"
                )
                subprocess.run(curl, check=True, capture_output=True)


@pytest.mark.slow  # a proxy
@pytest.mark.parametrize("trusted", ["true", "false"])
def test_behind_a_proxy_that_is_trusted_the_log_has_the_address_that_it_names(
    start, tmp_path, trusted
):
    """The proxy adds its caller to what that has sent; only the last one can be believed."""
    need_program("nginx")
    service = start(f"sqlite:///{tmp_path}/order.db", TRUST_FORWARDED_FOR=trusted)
    rule = FORWARDED.replace("ADDRESS", service.url.removeprefix("http://"))
    forged = {"X-Forwarded-For": "10.1.1.1"}
    with Nginx(tmp_path, rule).running() as proxy, socket.socket() as caller:
        caller.bind(("127.0.0.9", 0))
        caller.connect(("127.0.0.1", proxy.port))
        head = "\r\n".join(f"{name}: {value}" for name, value in forged.items())
        caller.sendall(f"GET /nowhere HTTP/1.0\r\n{head}\r\n\r\n".encode())
        assert caller.recv(64)
    assert addresses(service, 1) == ["127.0.0.9" if trusted == "true" else "127.0.0.1"]


def test_what_is_no_address_is_not_logged(start, tmp_path):
    service = start(f"sqlite:///{tmp_path}/order.db", TRUST_FORWARDED_FOR="true")
    for said in ("Basic secret", "user 99 [abc]", "a" * 4000, "\x85"):
        headers = {"X-Forwarded-For": said.encode("latin-1")}
        requests.get(f"{service.url}/nowhere", headers=headers, timeout=60)
    assert addresses(service, 4) == ["-"] * 4
