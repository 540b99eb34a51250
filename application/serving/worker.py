"""gunicorn's worker, whose own answers to malformed HTTP are JSON, too, and gunicorn's logger."""

import json
import os
import socket
import time
from http import HTTPStatus
from typing import Any

from gunicorn import glogging, util
from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

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


class Worker(ThreadWorker):
    """gunicorn's threaded worker; gunicorn has no setting for what is changed here."""

    def init_process(self) -> None:
        """Hide SCRIPT_NAME (see ``prefix``): gunicorn would refuse requests without the prefix."""
        os.environ.pop("SCRIPT_NAME", None)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Hesitate if requests are waiting for a thread: another worker may have a free one.

        gunicorn accepts all that it can, so that one worker may get every connection of a burst.
        """
        running = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        if running >= 2 * self.cfg.threads:
            time.sleep(0.001)  # seconds: enough for an idle worker to accept it first
        super().accept(listener)

    def handle_error(
        self, req: Request | None, client: socket.socket, addr: Any, exc: BaseException
    ) -> None:
        """Answer malformed HTTP in JSON. Log only the error's class: the header may hold a key."""
        if not isinstance(exc, errors.ParseException):
            return super().handle_error(req, client, addr, exc)
        status = STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
        self.log.warning("Refused a request with %s: %s", status, type(exc).__name__)
        body = json.dumps({"message": status.phrase.capitalize()}, separators=(",", ":")) + "\n"
        head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: application/json\r\n"
        length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        util.write_nonblock(client, (head + length + body).encode())
