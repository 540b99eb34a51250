"""Small disks in memory."""

import os
import subprocess
from contextlib import contextmanager, suppress

import pytest


@contextmanager
def memory_disk(folder):
    """Mount a disk of 1 MiB during the block."""
    if os.geteuid():
        pytest.skip("they mount a disk: run them as root")
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(disk, options):
    """Change how a disk is mounted."""
    mount("-o", f"remount,{options}", disk)


@contextmanager
def fill(disk):
    """Let a disk have no space left during the block."""
    file = disk / "filler"
    with suppress(OSError), file.open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    try:
        yield
    finally:
        file.unlink()


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)
