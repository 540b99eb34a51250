"""haproxy in front of two instances."""

import csv
import socket
import subprocess
from contextlib import contextmanager

from demo.ports import listening
from tests.support.processes import free_port, until

SETTINGS = """
global
    stats socket {socket} level admin
defaults
    mode http
    option redispatch 1
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen orders
    bind 127.0.0.1:{port}
    http-after-response set-header Retry-After 1 if {{ status 502 503 }}
    server one {one}
    server two {two}
"""


class Balancer:
    """haproxy and its command line; the instances are called ``one`` and ``two``."""

    def __init__(self, folder, services):
        self._port, self._socket = free_port(), str(folder / "haproxy.sock")
        self.url = f"http://127.0.0.1:{self._port}"
        self._file = folder / "haproxy.cfg"
        one, two = (service.url.removeprefix("http://") for service in services)
        self._file.write_text(
            SETTINGS.format(port=self._port, socket=self._socket, one=one, two=two)
        )

    @contextmanager
    def running(self):
        with subprocess.Popen(["haproxy", "-f", self._file], stdout=-3, stderr=-3) as process:
            try:
                until(lambda: listening(self._port))
                yield self
            finally:
                process.terminate()

    def drain(self, name):
        """Send an instance no new requests, and wait until it has answered the old ones."""
        self._tell(f"set server orders/{name} state drain")
        until(lambda: self._sessions()[name] == 0)

    def restore(self, name):
        self._tell(f"set server orders/{name} state ready")

    def _sessions(self):
        rows = csv.DictReader(self._tell("show stat").removeprefix("# ").splitlines())
        return {row["svname"]: int(row["scur"] or 0) for row in rows}

    def _tell(self, command):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self._socket)
            line.sendall(command.encode() + b"\n")
            return line.makefile().read()
