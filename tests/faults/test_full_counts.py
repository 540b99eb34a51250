"""The disk on which gunicorn's workers count: full, or read-only."""

import pytest
import requests

from tests.support.disks import fill, memory_disk
from tests.support.metrics import scrape

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
PATHS = ["/api/order", "/api/orders", "/api/order/add-item", "/nothing", "/healthz", "/metrics"]
READ_ONLY = """
import ctypes, subprocess
assert ctypes.CDLL(None).unshare(0x20000) == 0  # a mount namespace of its own
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/dev/shm"], check=True)
from gunicorn.app.wsgiapp import run
run()
"""


@pytest.fixture
def disk(tmp_path):
    with memory_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def serve(start, tmp_path):
    def serve(**settings):
        return start(f"sqlite:///{tmp_path}/order.db", WEB_CONCURRENCY="1", **settings)

    return serve


def ask_everything(service):
    """Send requests that are counted as some 30 series; return how many were answered."""
    for method in METHODS:
        for path in PATHS:
            requests.request(method, service.url + path, timeout=60)
    return len(METHODS) * len(PATHS)


def counted(service, route, status):
    labels = {"route": route, "method": "PUT", "status": status}
    name = "http_request_duration_seconds_count"
    return scrape(service).get((name, *sorted(labels.items())))


def test_a_full_disk_ends_no_request_and_later_all_are_counted(serve, disk, report):
    service = serve(TMPDIR=str(disk))
    workers = service.workers()
    requests.get(f"{service.url}/readyz", timeout=60)  # the first that is counted makes the files
    with fill(disk):
        answered = sum(ask_everything(service) for _ in range(3))
    ask_everything(service)
    assert service.workers() == workers
    assert counted(service, "none", "404") == 4
    report("metrics on a full disk", answered, service.database_url, "all answered")


def test_with_a_full_disk_it_starts_and_says_what_is_missing(serve, disk):
    with fill(disk):
        service = serve(TMPDIR=str(disk))
        ask_everything(service)
    assert (
        "counts will be missing from /metrics: [Errno 28] No space left" in service.log.read_text()
    )


def test_with_a_read_only_memory_disk_it_counts_elsewhere(serve, disk):
    service = serve(TMPDIR="", program=("-c", READ_ONLY))
    ask_everything(service)
    assert counted(service, "none", "404") == 1
    service.stop()
