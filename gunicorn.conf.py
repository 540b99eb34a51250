"""gunicorn's settings; GUNICORN_CMD_ARGS and WEB_CONCURRENCY win over them."""

import os
from shutil import rmtree
from tempfile import mkdtemp

from config import load, logging_config

OUR_COUNTS = "order-service-counts-"

bind = "0.0.0.0:5003"
worker_class = "application.worker.Worker"
# Eight workers have 128 connections at most, of the 151 that MySQL and MariaDB allow by default.
workers = int(os.environ.get("WEB_CONCURRENCY", min(os.cpu_count() or 1, 8)))
threads = 8
preload_app = True  # one import, shared memory; SIGHUP restarts the workers with the same code
keepalive = 75  # seconds; longer than a proxy's idle timeout, so that the proxy closes first
logconfig_dict = logging_config(load()["LOG_JSON"])  # the application logs requests
control_socket_disable = True  # it would need a writable home
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # heartbeats stay off the disk
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # where workers count; a reload finds it again
    # Not on a disk: if that is full, a write to a mapped file ends the worker.
    counts = mkdtemp(prefix=OUR_COUNTS, dir=os.environ.get("TMPDIR", worker_tmp_dir))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts


def on_starting(server):
    """Migrate once, before the first worker starts."""
    from run import migrate_on_start

    migrate_on_start()


def on_exit(server):
    """Delete the counts, unless somebody else has named their folder."""
    if OUR_COUNTS in (folder := os.environ["PROMETHEUS_MULTIPROC_DIR"]):
        rmtree(folder, ignore_errors=True)
