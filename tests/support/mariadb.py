"""A MariaDB server of one test, which stops and starts it."""

import os
import subprocess
from pathlib import Path

from demo.ports import listening
from tests.support.processes import free_port, until


class MariaDB:
    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"mysql+pymysql://root@127.0.0.1:{self.port}/test"
        self._log = folder / "mariadb.log"
        self._options = ["--no-defaults", f"--datadir={folder / 'data'}"]
        if os.geteuid() == 0:
            self._options += ["--user=root"]  # nobody else may read the folder
        install = ["mariadb-install-db", *self._options, "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        self._options += options

    def start(self) -> "MariaDB":
        network = ["--bind-address=127.0.0.1", f"--port={self.port}"]
        socket = f"--socket={self._log.with_suffix('.sock')}"
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                ["mariadbd", *self._options, *network, socket], stdout=log, stderr=log
            )
        until(self._serves)
        return self

    def _serves(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        return listening(self.port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
