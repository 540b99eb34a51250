"""The files in which gunicorn's workers count. A full disk must not end a request, nor a worker."""

import logging
import os
from contextlib import suppress
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

log = logging.getLogger(__name__)
SIZE = 1 << 16  # bytes, for about 30 series of requests; doubled when they are used


class CountsFile(MmapedDict):
    """prometheus_client's file of a process, whose space is reserved before it is used.

    The library leaves holes in its file and writes to them in memory: if the disk is full by then,
    the kernel ends the process. /dev/shm is such a disk.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        new = f"{filename}.new"  # /metrics reads *.db, and cannot read an empty file
        try:
            if not os.path.exists(filename):
                _reserve(new, SIZE)
                os.rename(new, filename)
        except OSError as error:
            log.warning("A worker's counts will be missing from /metrics: %s", error)
            with suppress(OSError):
                os.unlink(new)
            filename = f"/proc/self/fd/{os.memfd_create('counts')}"
        super().__init__(filename, read_mode)

    def read_value(self, key: str) -> Any:
        """Return a series' value and time, zeros if there is no space for it."""
        with suppress(OSError):
            return super().read_value(key)
        return 0.0, 0.0

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Write a series' value, as soon as there is space for it."""
        with suppress(OSError):
            super().write_value(key, value, timestamp)

    def _init_value(self, key: str) -> None:
        most = len(key.encode()) + 28  # bytes: its length, padding, value and time come along
        if self._used + most > self._capacity:
            _reserve(self._fname, 2 * self._capacity)
        super()._init_value(key)


def _reserve(filename: str, size: int) -> None:
    """Append zeros to a file up to a size in bytes. Raises OSError if there is no space."""
    with open(filename, "ab", buffering=0) as file:
        while (missing := size - file.tell()) > 0:
            file.write(bytes(missing))


values.MmapedDict = CountsFile  # type: ignore[attr-defined]  # it has no setting
