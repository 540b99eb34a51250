"""A network namespace, at the other end of a cable that a test can cut."""

import os
import subprocess
from contextlib import contextmanager
from itertools import count

import pytest

from tests.support.needs import need_program

NUMBERS = count()
NOBODY = "02:00:00:00:00:01"  # an address on the cable at which nobody listens


class Namespace:
    """A namespace; programs in it are reached at ``host``."""

    host, here = "10.203.57.2", "10.203.57.1"

    def __init__(self) -> None:
        need_program("ip")
        if os.geteuid() != 0:
            pytest.skip("they need root's rights: a network is cut")
        self.name = f"order-{os.getpid()}-{next(NUMBERS)}"
        self._ends = "order-here", "order-there"

    def __enter__(self) -> "Namespace":
        here, there = self._ends
        ip("netns", "add", self.name)
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
        ip("addr", "add", f"{self.here}/24", "dev", here)
        self._ip("addr", "add", f"{self.host}/24", "dev", there)
        ip("link", "set", here, "up")
        self._ip("link", "set", there, "up")
        return self

    def __exit__(self, *_) -> None:
        ip("netns", "delete", self.name)  # the cable goes with it

    def program(self, *command: str) -> list[str]:
        """Return the command that runs another one in the namespace."""
        return ["ip", "netns", "exec", self.name, *command]

    @contextmanager
    def cut(self):
        """Swallow all packets during the block; nobody is told."""
        here, there = self._ends
        wrong = "lladdr", NOBODY, "nud", "permanent"
        ip("neigh", "replace", self.host, *wrong, "dev", here)
        self._ip("neigh", "replace", self.here, *wrong, "dev", there)
        try:
            yield
        finally:
            ip("neigh", "delete", self.host, "dev", here)
            self._ip("neigh", "delete", self.here, "dev", there)

    def _ip(self, *arguments: str) -> None:
        ip("-n", self.name, *arguments)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
