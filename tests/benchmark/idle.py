"""Connections that their clients keep open without a request."""

import resource
import socket
from contextlib import ExitStack, contextmanager

from tests.support.service import Service

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def idle_connections(service: Service, number: int):
    """Keep a number of connections open; each has had one request."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as connections:
        for _ in range(number):
            connection = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            connections.enter_context(connection)
            connection.sendall(HEALTHZ)
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"\r\nConnection: close\r\n" not in answer
        yield
