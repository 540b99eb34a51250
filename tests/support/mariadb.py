"""A MariaDB server of one test, which stops and starts it."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from demo.ports import listening
from tests.support.processes import free_port, until


class MariaDB:
    """A server; ``program`` starts it, in a network namespace for example, and ``host`` is it."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        host: str = "127.0.0.1",
        program: Sequence[str] = ("mariadbd",),
    ) -> None:
        self.host, self.port, self._program = host, free_port(), program
        self.url = f"mysql+pymysql://root@{host}:{self.port}/test"
        self._log = folder / "mariadb.log"
        self._options = ["--no-defaults", f"--datadir={folder / 'data'}"]
        if os.geteuid() == 0:
            self._options += ["--user=root"]  # nobody else may read the folder
        install = ["mariadb-install-db", *self._options, "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        self._options += options

    def start(self) -> "MariaDB":
        network = [f"--bind-address={self.host}", f"--port={self.port}"]
        socket = f"--socket={self._log.with_suffix('.sock')}"
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._program, *self._options, *network, socket], stdout=log, stderr=log
            )
        until(self._serves)
        return self

    def _serves(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        return listening(self.port, self.host)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
