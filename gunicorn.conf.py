"""gunicorn's settings; GUNICORN_CMD_ARGS and WEB_CONCURRENCY go before them."""

import os

bind = "0.0.0.0:5003"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", 2))
threads = 8
accesslog = "-"
control_socket_disable = True  # it would need a writable home
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # heartbeats stay off the disk


def on_starting(server):
    """Migrate once, before the first worker starts."""
    from run import migrate_on_start

    migrate_on_start()
