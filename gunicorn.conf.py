"""gunicorn's settings; GUNICORN_CMD_ARGS wins over them."""

import atexit
import gc
import os
import sys
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from logging import captureWarnings, getLogger
from logging.config import dictConfig
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from shutil import rmtree
from tempfile import TemporaryFile, mkdtemp

from config import COUNTS_FOLDER, load, log_as_json, logging_config

COUNTS = "PROMETHEUS_MULTIPROC_DIR"
_, MOST_FILES = getrlimit(RLIMIT_NOFILE)
FILES = 10_000 if MOST_FILES == RLIM_INFINITY else min(MOST_FILES, 10_000)
setrlimit(RLIMIT_NOFILE, (FILES, MOST_FILES))  # a worker that can open no file drops requests

bind = "0.0.0.0:5003"
worker_class = "application.worker.Worker"
logger_class = "application.worker.Logger"
threads = 8
worker_connections = FILES // 2  # of callers; the database and user-service need files, too
preload_app = True  # one import, shared memory; SIGHUP restarts the workers with the same code
keepalive = 75  # seconds; longer than a proxy's idle timeout, so that the proxy closes first
logconfig_dict = logging_config(log_as_json())  # the application logs requests
forwarder_headers = ""  # otherwise a caller's header SCRIPT_NAME could evade a proxy's rules
control_socket_disable = True  # it would need a writable home
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # heartbeats stay off the disk


def on_starting(server):
    """Migrate once, before the first worker starts."""
    with failures_logged():
        run.migrate_on_start()


def pre_fork(server, worker):
    """Let the garbage collector ignore what the workers share.

    It writes to each object that it looks at, so each worker would get a copy of its own.
    """
    gc.collect()
    gc.freeze()


def pre_exec(server):
    """Let the new master that SIGUSR2 starts make a folder of its own, and know the prefix."""
    prefix = run.app.config["SCRIPT_NAME"]
    server.cfg.env_orig.update({COUNTS: COUNTS_FOLDER, "SCRIPT_NAME": prefix})


@contextmanager
def failures_logged():
    """Log what ends a start: one line for what an operator can change, else a traceback."""
    try:
        yield
    except SystemExit as end:
        if not isinstance(end.code, str):
            raise  # its line is in the log already
        getLogger("gunicorn.error").critical(end.code)
        sys.exit(1)
    except Exception:
        getLogger("gunicorn.error").critical("The service cannot start", exc_info=True)
        sys.exit(1)


def named_folder():
    """Return the operator's folder for the counts, made if it is missing."""
    try:
        Path(COUNTS_FOLDER).mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=COUNTS_FOLDER).close()
    except OSError as error:
        raise SystemExit(f"{COUNTS} cannot be used: {error.strerror}") from None
    return COUNTS_FOLDER


def own_folder():
    """Return a new folder for the counts, deleted when this process exits.

    A file in it is locked as long as the master or a worker lives: the next start deletes what
    servers have left that were killed.
    """
    # Not on a disk: if that is full, a write to a mapped file ends the worker.
    parent = os.environ.get("TMPDIR") or worker_tmp_dir
    try:
        folder = Path(mkdtemp(prefix="order-service-counts-", dir=parent))
    except OSError as error:
        raise SystemExit(f"{COUNTS} or TMPDIR must be set: {parent}: {error.strerror}") from None
    atexit.register(delete, folder, os.getpid())
    for lock in folder.parent.glob("order-service-counts-*/lock"):
        with suppress(OSError), lock.open() as file:
            flock(file, LOCK_EX | LOCK_NB)
            rmtree(lock.parent)
    new = folder / "new"
    flock(os.open(new, os.O_CREAT), LOCK_EX)  # and never closed
    new.rename(folder / "lock")  # only now, or another start might find it without its lock
    return str(folder)


def delete(folder, pid):
    if os.getpid() == pid:  # not in a worker
        rmtree(folder, ignore_errors=True)


dictConfig(logconfig_dict)
captureWarnings(True)
with failures_logged():
    workers = load()["WEB_CONCURRENCY"]
    if COUNTS not in os.environ:  # a reload finds it there
        os.environ[COUNTS] = named_folder() if COUNTS_FOLDER else own_folder()
    import run  # before gunicorn does so and prints what fails

    # application/prefix.py takes it off the path. gunicorn would refuse probes without the prefix.
    os.environ.pop("SCRIPT_NAME", None)

if __name__ == "__main__":
    # `python gunicorn.conf.py run:app` is gunicorn, but with a line about a bad WEB_CONCURRENCY:
    # gunicorn reads it on import, and ends with a traceback if it is empty or no number.
    os.environ["WEB_CONCURRENCY"] = str(workers)
    from gunicorn.app.wsgiapp import run as serve

    serve(prog="gunicorn")
