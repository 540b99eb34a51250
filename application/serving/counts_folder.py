"""The folder in which gunicorn's workers count, for /metrics to add up."""

import atexit
import os
import sys
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile, mkdtemp

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "order-service-counts-"


@cache  # a reload keeps the folder
def make(named: str, parent: str | None) -> str:
    """Return the folder that the operator has named, or a new one in ``parent``, None for /tmp.

    Raises SystemExit if one of them cannot be used.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError(f"prometheus_client reads {VARIABLE} when it is imported: too late")
    variable = "TMPDIR"
    try:
        TemporaryFile(dir=parent).close()
        if not named:
            return str(_new(parent))
        variable = VARIABLE
        Path(named).mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=named).close()
    except OSError as error:
        raise SystemExit(
            f"{variable} must name a folder that can be written: {error.strerror}"
        ) from None
    return named


def _new(parent: str | None) -> Path:
    """Make a folder that is deleted when this process exits.

    A file in it is locked as long as the master or a worker lives. If they are killed, the next
    start finds it unlocked and deletes the folder.
    """
    folder = Path(mkdtemp(prefix=PREFIX, dir=parent))
    atexit.register(_delete, folder, os.getpid())
    for lock in folder.parent.glob(f"{PREFIX}*/lock"):
        with suppress(OSError), lock.open() as file:
            flock(file, LOCK_EX | LOCK_NB)
            rmtree(lock.parent)
    new = folder / "new"
    flock(os.open(new, os.O_CREAT), LOCK_EX)  # and never closed
    new.rename(folder / "lock")  # only now, or another start might find it without its lock
    return folder


def _delete(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in a worker
        rmtree(folder, ignore_errors=True)
