"""A name server that hangs, in a mount namespace with an /etc/resolv.conf of its own."""

import os
import socket
import subprocess
import sys

import pytest

import config
from tests.support.needs import need_program

pytestmark = pytest.mark.slow  # waits for timeouts

RESOLVER_GIVES_UP = 30  # seconds
TIMEOUT = 0.5
ASK = f"""
import os, time
from application.order_api.user_client import UserClient, UserServiceUnavailable

client, began = UserClient("http://user-service.example:5001", {TIMEOUT}), time.monotonic()
try:
    client.get_user("key")
except UserServiceUnavailable:
    print(time.monotonic() - began, flush=True)
os._exit(0)  # a thread still waits for the resolver
"""


@pytest.fixture
def name_server():
    """A UDP socket that takes queries and never answers, on a loopback address of its own."""
    if os.geteuid():
        pytest.skip("they listen on port 53 and mount a file: run them as root")
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.53.53", 53))
        server.settimeout(60)
        yield server


def in_namespace(script):
    """Return the command that runs a shell script in a mount namespace of its own."""
    return ["unshare", "--mount", "sh", "-ec", script]


def test_a_caller_does_not_wait_for_a_name_server_that_hangs(name_server, tmp_path):
    need_program("unshare")
    resolv, nsswitch = tmp_path / "resolv.conf", tmp_path / "nsswitch.conf"
    address = name_server.getsockname()[0]
    resolv.write_text(f"nameserver {address}\noptions timeout:{RESOLVER_GIVES_UP} attempts:1\n")
    nsswitch.write_text("hosts: dns\n")
    mounts = "".join(f"mount --bind {file} /etc/{file.name}\n" for file in (resolv, nsswitch))
    if subprocess.run(in_namespace(mounts), capture_output=True).returncode:
        pytest.skip("they mount a file in a namespace of their own: run them where root may")
    asked = subprocess.run(
        [*in_namespace(f'{mounts}exec "$0" -c "$1"'), sys.executable, ASK],
        cwd=config.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert b"user-service" in name_server.recv(512)
    assert TIMEOUT <= float(asked.stdout) < RESOLVER_GIVES_UP / 3, asked.stderr
