"""haproxy, and its use in front of two instances."""

import csv
import socket
from contextlib import contextmanager

from demo.ports import listening
from tests.support.processes import free_port, running_program, until

GENERAL = """
global
    stats socket {socket} level admin
defaults
    option redispatch 1
    timeout connect 10s
    timeout client 60s
    timeout server 60s
"""
INSTANCES = """
listen orders
    mode http
    bind 127.0.0.1:{port}
    http-after-response set-header Retry-After 1 if {{ status 502 503 }}
    server one {one}
    server two {two}
"""


class Haproxy:
    """haproxy and its command line. ``settings`` has ``{port}`` where it is to listen."""

    def __init__(self, folder, settings, **values):
        self.port, self._socket = free_port(), folder / "haproxy.sock"
        self._file = folder / "haproxy.cfg"
        values |= {"port": self.port, "socket": self._socket}
        self._file.write_text((GENERAL + settings).format(**values))

    @contextmanager
    def running(self):
        command = ["haproxy", "-f", self._file]
        with running_program(command, lambda: listening(self.port) and self._socket.exists()):
            yield self

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._socket))
            line.sendall(command.encode() + b"\n")
            return line.makefile().read()

    def servers(self):
        """Return each server's statistics by its name."""
        rows = csv.DictReader(self.tell("show stat").removeprefix("# ").splitlines())
        return {row["svname"]: row for row in rows if row["type"] == "2"}


class Balancer(Haproxy):
    """haproxy in front of two instances, which are called ``one`` and ``two``."""

    def __init__(self, folder, services):
        one, two = (service.url.removeprefix("http://") for service in services)
        super().__init__(folder, INSTANCES, one=one, two=two)
        self.url = f"http://127.0.0.1:{self.port}"

    def drain(self, name):
        """Send an instance no new requests, and wait until it has answered the old ones."""
        self.tell(f"set server orders/{name} state drain")
        until(lambda: self.servers()[name]["scur"] == "0")

    def restore(self, name):
        self.tell(f"set server orders/{name} state ready")
