"""gunicorn's settings; GUNICORN_CMD_ARGS wins over them."""

import gc
import os
import socket
import sys
from logging import captureWarnings, getLogger
from logging.config import dictConfig
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit

chdir = str(Path(__file__).parent)
sys.path.insert(0, chdir)

from application.serving import counts_folder  # noqa: E402
from config import COUNTS_FOLDER, address_and_port, exit_logged, logging_config  # noqa: E402


def addresses(address, port):
    """Return what to bind to: without an address, all of the host's, IPv4 and IPv6."""
    if address:
        return [f"[{address}]:{port}" if ":" in address else f"{address}:{port}"]
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::", 0))
            both_in_one = not probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    except OSError:  # a host without IPv6
        return [f"0.0.0.0:{port}"]
    return [f"[::]:{port}"] if both_in_one else [f"0.0.0.0:{port}", f"[::]:{port}"]


_, MOST_FILES = getrlimit(RLIMIT_NOFILE)
FILES = 10_000 if MOST_FILES == RLIM_INFINITY else min(MOST_FILES, 10_000)
setrlimit(RLIMIT_NOFILE, (FILES, MOST_FILES))  # a worker that can open no file drops requests

worker_class = "application.serving.worker.Worker"
logger_class = "application.serving.worker.Logger"
# Eight workers have 128 connections at most; MySQL and MariaDB allow 151 by default.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(os.cpu_count() or 1, 8))
threads = 8
worker_connections = FILES // 2  # of callers; the database and user-service need files, too
preload_app = True  # one import, shared memory; SIGHUP restarts the workers with the same code
keepalive = 75  # seconds; longer than a proxy's idle timeout, so that the proxy closes first
logconfig_dict = logging_config()  # the application logs requests
loglevel = logconfig_dict["root"]["level"].lower()
forwarder_headers = ""  # otherwise a caller's header SCRIPT_NAME could evade a proxy's rules
sendfile = False  # it would not notice a caller that has stopped reading
control_socket_disable = True  # it would need a writable home
# Heartbeats and counts stay off the disk. None: Python looks for a folder, such as /tmp.
memory_disk = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
worker_tmp_dir = os.environ.get("TMPDIR") or memory_disk

dictConfig(logconfig_dict)
captureWarnings(True)
sys.excepthook = lambda *error: getLogger().critical("The service cannot start", exc_info=error)
with exit_logged():
    bind = addresses(*address_and_port())  # not load(), which reads files: a reload must not fail
    if workers < 1:
        raise SystemExit("WEB_CONCURRENCY must be a whole number above 0")
    folder = counts_folder.make(COUNTS_FOLDER, worker_tmp_dir)
os.environ[counts_folder.VARIABLE] = folder

from application.serving import counts_file  # noqa: E402, F401  # imports prometheus_client


def on_starting(server):
    """Migrate once, before the first worker starts."""
    import run

    run.start()


def when_ready(server):
    """Turn on TCP keepalive, which closes idle connections whose callers are gone.

    Accepted connections inherit it from their listener.
    """
    for listener in server.LISTENERS:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}.items():
            if listener.family != socket.AF_UNIX and hasattr(socket, name):
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def pre_fork(server, worker):
    """Let the garbage collector ignore what the workers share.

    It writes to each object that it looks at, so each worker would get a copy of its own.
    """
    gc.collect()
    gc.freeze()


def pre_exec(server):
    """Let the new master that SIGUSR2 starts make a folder of its own."""
    server.cfg.env_orig[counts_folder.VARIABLE] = COUNTS_FOLDER
