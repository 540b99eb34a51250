"""A proxy that fails over ends connections, also those that are just being made."""

import socket
import struct
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from tests.support.api import DATABASE_UNAVAILABLE, show
from tests.support.databases import application_on

pytestmark = pytest.mark.slow  # waits for timeouts

VERSION, SALT, STATUS = b"\x0a9.7.0\0", bytes(8), b"\x02\0"
CAPABILITIES = b"\xff\xff", b"\xff\x81"  # all of them, so TLS, too
GREETING = (
    VERSION + bytes(4) + SALT + b"\0" + CAPABILITIES[0] + b"\xff" + STATUS + CAPABILITIES[1]
    + b"\x15" + bytes(10) + bytes(13) + b"caching_sha2_password\0"
)  # fmt: skip


class Cut(BaseRequestHandler):
    def handle(self):
        self.server.connections += 1
        self.request.sendall(len(GREETING).to_bytes(3, "little") + b"\0" + GREETING)
        self.request.recv(4 + 32, socket.MSG_WAITALL)  # the client wants TLS
        if self.server.resets:
            no_linger = struct.pack("ii", 1, 0)
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)


@pytest.mark.parametrize("resets", [False, True])
def test_a_connection_that_ends_in_its_tls_handshake_is_tried_again(login, user_service, resets):
    with ThreadingTCPServer(("127.0.0.1", 0), Cut) as server:
        server.connections, server.resets = 0, resets
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"mysql+pymysql://user@127.0.0.1:{server.server_address[1]}/order"
        with application_on(url, USER_SERVICE_URL=user_service.url) as app:
            answer = show(app.test_client(), login)
        server.shutdown()
    assert (answer.status_code, answer.json) == (503, DATABASE_UNAVAILABLE)
    assert server.connections > 1
