"""gunicorn's settings; GUNICORN_CMD_ARGS and WEB_CONCURRENCY go before them."""

import json
import os
from http import HTTPStatus
from select import select
from shutil import rmtree
from tempfile import mkdtemp

from gunicorn import util
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker

from config import load, logging_config

STATUSES = {
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
OUR_COUNTS = "order-service-counts-"


class Worker(ThreadWorker):
    def set_accept_enabled(self, enabled):
        """Stop listening at SIGTERM: else connections queue, to be reset (gunicorn's issue 922)."""
        super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            for listener in self.sockets:
                while select([listener], [], [], 0)[0]:  # what is queued already
                    self.accept(listener)
                listener.close()
            for connection in self.pending_conns:  # they have sent nothing for seconds
                connection.timeout = 0

    def handle_error(self, req, client, addr, exc):
        """Answer what is no HTTP in JSON, and log only its kind: a bad header may be an API key."""
        if not isinstance(exc, ParseException):
            return super().handle_error(req, client, addr, exc)
        status = STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
        self.log.warning("Refused a request with %s: %s", status, type(exc).__name__)
        body = json.dumps({"message": status.phrase.capitalize()})
        head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: application/json\r\n"
        length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        util.write_nonblock(client, (head + length + body).encode())


bind = "0.0.0.0:5003"
worker_class = Worker
# Eight workers have 128 connections at most, of the 151 that MySQL and MariaDB allow by default.
workers = int(os.environ.get("WEB_CONCURRENCY", min(os.cpu_count() or 1, 8)))
threads = 8
keepalive = 75  # seconds; callers shall close an idle connection first, or they may use it too late
logconfig_dict = logging_config(load()["LOG_JSON"])  # the application logs requests
control_socket_disable = True  # it would need a writable home
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # heartbeats stay off the disk
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # where workers count; a reload finds it again
    # Not on a disk: where that is full, a write into a mapped file would end the worker.
    counts = mkdtemp(prefix=OUR_COUNTS, dir=os.environ.get("TMPDIR", worker_tmp_dir))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts


def on_starting(server):
    """Migrate once, before the first worker starts."""
    from run import migrate_on_start

    migrate_on_start()


def on_exit(server):
    """Forget the counts, unless somebody else has named their folder."""
    if OUR_COUNTS in (folder := os.environ["PROMETHEUS_MULTIPROC_DIR"]):
        rmtree(folder, ignore_errors=True)
