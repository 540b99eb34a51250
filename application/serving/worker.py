"""gunicorn's worker, which callers cannot hold up and which answers in JSON, and its logger."""

import json
import os
import socket
import time
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

from gunicorn import glogging, util
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

from .headers import HEADERS
from .slow_callers import BODY, HEAD, CallerSocket, RequestThreads

STATUSES: dict[type[BaseException], HTTPStatus] = {
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class Logger(glogging.Logger):
    """gunicorn's logger; because of ``logconfig_dict``, it would format access lines for nobody."""

    @property
    def access_log_enabled(self) -> bool:
        """Return whether an operator has set ``--access-logfile``."""
        return bool(self.cfg.accesslog)


class Connection(TConn):
    """A caller's connection."""

    def __init__(self, cfg: Config, caller: CallerSocket, address: Any, listener: Any) -> None:
        super().__init__(cfg, caller, address, listener)
        self.caller = caller  # the same as ``sock``, except under TLS, to which no limit applies
        self.data_ready = True  # before a thread gets the connection: it need not wait again

    def close(self, graceful: bool = False) -> None:
        """Close it at once: a request's thread has waited for the caller already.

        gunicorn waits in the worker's only main thread, two seconds for each caller that is gone.
        """
        self.sock.close()


class Worker(ThreadWorker):
    """gunicorn's threaded worker; gunicorn has no setting for what is changed here."""

    tpool: RequestThreads  # type: ignore[assignment]

    def init_process(self) -> None:
        """Hide SCRIPT_NAME (see ``proxy``): gunicorn would refuse requests without the prefix."""
        os.environ.pop("SCRIPT_NAME", None)
        super().init_process()

    def get_thread_pool(self) -> RequestThreads:  # type: ignore[override]
        """Return the threads in which requests run."""
        return RequestThreads(self.cfg.threads)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; the poller waits for its first bytes, so that no thread has to.

        Hesitate if requests are waiting for a thread: otherwise one worker may get every connection
        of a burst while another one has a free thread.
        """
        running = self.nr_conns - len(self.keepalived_conns) - self.tpool.waiting
        if running >= 2 * self.cfg.threads:
            time.sleep(0.001)  # seconds: enough for an idle worker to accept it first
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        if accepted.family == socket.AF_INET6:  # which accepts callers by IPv4, too
            address = (address[0].removeprefix("::ffff:"), *address[1:])
        caller = CallerSocket(accepted, self)
        conn = Connection(self.cfg, caller, address, listener.getsockname())
        conn.timeout = time.monotonic() + max(self.cfg.keepalive, HEAD)
        if self.nr_conns >= self.max_keepalived and self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0  # run() closes it, and so goes on accepting
        self.nr_conns += 1
        self.keepalived_conns.append(conn)
        self.poller.register(caller, EVENT_READ, partial(self.on_client_socket_readable, conn))

    def handle(self, conn: Any) -> bool:
        """Serve a request; limit the time for its head, and for the caller to close at the end."""
        conn.caller.limit(HEAD)
        keep = super().handle(conn)
        if not keep:
            conn.caller.finish()
        return keep

    def handle_request(self, req: Request, conn: Any) -> bool:
        """Run the application; limit the time for the body, which may not be complete yet."""
        conn.caller.limit(BODY)
        return bool(super().handle_request(req, conn))

    def handle_error(
        self, req: Request | None, client: socket.socket, addr: Any, exc: BaseException
    ) -> None:
        """Answer malformed HTTP in JSON. Log only the error's class: the header may hold a key."""
        if not isinstance(exc, errors.ParseException):
            return super().handle_error(req, client, addr, exc)
        status = STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
        address = addr[0] if addr else "-"  # none by a Unix socket
        self.log.warning("Refused a request with %s: %s, %s", status, type(exc).__name__, address)
        body = json.dumps({"message": status.phrase.capitalize()}, separators=(",", ":")) + "\n"
        headers = HEADERS | {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        answer = f"HTTP/1.1 {status} {status.phrase}\r\n{head}\r\n{body}"
        util.write_nonblock(client, answer.encode())
