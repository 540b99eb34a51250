"""A proxy of the MySQL protocol that fails on demand."""

import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread

from sqlalchemy import URL

QUERY = b"\x03"  # COM_QUERY, the command that carries a statement
END = b"the end of the connection"  # stands for a packet that is not sent


@dataclass
class Fault:
    """What happens to the next ``times`` statements that match, once ``after`` of them have passed.

    If ``following`` is given, the connection's statement before must match that.
    ``code`` is the error that the server seems to answer; a ROLLBACK goes with it if the real error
    implies one. Without a code the connection is lost. Either happens instead of the statement, or
    after it if ``executed``.
    """

    statement: str
    times: int = 1
    code: int = 0
    executed: bool = False
    after: int = 0
    following: str = ""


class Proxy(ThreadingTCPServer):
    """Stands between the service and its database; each connection has two threads."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, database_url: URL) -> None:
        super().__init__(("127.0.0.1", 0), Relay)
        self.target = database_url.host, database_url.port or 3306
        url = database_url.set(host="127.0.0.1", port=self.server_address[1])
        url = url.update_query_dict({"ssl_disabled": "true"})  # else the proxy cannot read it
        self.url = url.render_as_string(hide_password=False)
        self.flows = Event()  # while cleared, it accepts connections but forwards nothing
        self.flows.set()
        self.fault: Fault | None = None
        self._lock = Lock()

    def __enter__(self) -> "Proxy":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.flows.set()  # a transaction that hangs would block the end of the database
        self.shutdown()
        self.server_close()

    def take(self, packet: bytes, previous: bytes) -> Fault | None:
        """Return the fault for this packet of a client, or None; ``previous`` is the one before."""
        with self._lock:
            fault = self.fault
            if not fault or not fault.times or packet[:1] != QUERY:
                return None
            if not re.match(fault.statement.encode(), packet[1:]):
                return None
            if not re.match(fault.following.encode(), previous[1:]):
                return None
            if fault.after:
                fault.after -= 1
                return None
            fault.times -= 1
            return fault

    def handle_error(self, request, client_address) -> None:
        """Ignore errors: connections are lost here on purpose."""


class Relay(BaseRequestHandler):
    def handle(self) -> None:
        self.instead = None  # what to send instead of the server's next packet
        self.previous = b""
        with socket.create_connection(self.server.target) as self.database:
            for end in (self.request, self.database):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = Thread(target=self._relay, args=[self.database, self._answer])
            answers.start()
            self._relay(self.request, self._statement)
            answers.join()

    def _relay(self, source: socket.socket, forward) -> None:
        """Forward packets until one of the two ends hangs up."""
        with suppress(OSError):
            while packet := read_packet(source):
                self.server.flows.wait()
                forward(*packet)
        self._hang_up()

    def _hang_up(self) -> None:
        for end in (self.request, self.database):
            with suppress(OSError):  # it is closed already
                end.shutdown(socket.SHUT_RDWR)

    def _statement(self, number: int, packet: bytes) -> None:
        fault = self.server.take(packet, self.previous)
        self.previous = packet
        if fault and fault.code:
            self.instead = error_packet(fault.code)
            if not fault.executed:
                # 1205 rolls back the statement only; the transaction stays open.
                packet = QUERY + (b"DO 0" if fault.code == 1205 else b"ROLLBACK")
        elif fault and fault.executed:
            self.instead = END
        elif fault:
            packet = END
        self._forward(self.database, number, packet)

    def _answer(self, number: int, packet: bytes) -> None:
        if self.instead is not None:
            packet, self.instead = self.instead, None
        self._forward(self.request, number, packet)

    def _forward(self, target: socket.socket, number: int, packet: bytes) -> None:
        if packet == END:
            self._hang_up()
        else:
            target.sendall(len(packet).to_bytes(3, "little") + bytes([number]) + packet)


def read_packet(connection: socket.socket) -> tuple[int, bytes] | None:
    header = connection.recv(4, socket.MSG_WAITALL)
    length = int.from_bytes(header[:3], "little")
    payload = connection.recv(length, socket.MSG_WAITALL) if length else b""
    return (header[3], payload) if len(header) == 4 and len(payload) == length else None


def error_packet(code: int) -> bytes:
    return b"\xff" + code.to_bytes(2, "little") + b"#40001of the proxy"
