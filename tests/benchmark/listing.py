"""The list of all orders, compared with a single cursor that prints the same."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.benchmark.load import mebibytes
from tests.support.service import Service


@dataclass
class Download:
    """What a download of the whole list took."""

    first_byte: float  # seconds
    seconds: float
    size: int  # bytes
    growth: float  # MiB of the worker that grew most, at its peak


def download(service: Service) -> Download:
    workers = service.workers()
    for pid in workers:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # reset the peak: proc(5)
    before = [mebibytes(pid, "status", "VmRSS") for pid in workers]
    began = time.monotonic()
    with requests.get(f"{service.url}/api/orders", stream=True, timeout=60) as answer:
        parts = answer.iter_content(None)  # as they arrive
        size = len(next(parts))
        first_byte = time.monotonic() - began
        size += sum(map(len, parts))
    seconds = time.monotonic() - began
    peaks = [mebibytes(pid, "status", "VmHWM") for pid in workers]
    growth = max(peak - rss for peak, rss in zip(peaks, before, strict=True))
    return Download(first_byte, seconds, size, growth)


def print_by_cursor(database_url: str) -> float:
    """Return the seconds that the floor takes to print the list."""
    settings = {"DATABASE_URL": database_url, "USER_SERVICE_URL": "", "USER_CACHE_TTL": "0"}
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "tests.benchmark.floor"],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - began
