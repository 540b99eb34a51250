"""The programs that dump and restore a database: the server's own, MySQL's or MariaDB's."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.databases import execute_on
from tests.support.needs import need_program

OPTIONS = {  # MySQL's are for a user who has privileges on one database only
    "MariaDB": ["--single-transaction"],
    "MySQL": ["--single-transaction", "--no-tablespaces", "--set-gtid-purged=OFF"],
}
PROGRAMS = {"MariaDB": ("mariadb-dump", "mariadb"), "MySQL": ("mysqldump", "mysql")}


class Dump:
    """A dump of a database, in a file."""

    def __init__(self, url: str, folder: Path) -> None:
        maker = "MariaDB" if "MariaDB" in execute_on(url, "SELECT VERSION()") else "MySQL"
        dump, self._client = PROGRAMS[maker]
        need_program(dump)
        if maker == "MySQL" and b"MariaDB" in subprocess.check_output([dump, "--version"]):
            pytest.skip("they need MySQL's own mysqldump: MySQL cannot restore MariaDB's dumps")
        self._file = folder / "dump.sql"
        with self._file.open("w") as file:
            subprocess.run(_command(dump, url, *OPTIONS[maker]), stdout=file, check=True)

    def restore(self, url: str) -> None:
        """Replace the tables of a database, which exists."""
        with self._file.open() as file:
            subprocess.run(_command(self._client, url), stdin=file, check=True)


def _command(program: str, url: str, *options: str) -> list[str]:
    server = make_url(url)
    login = [f"--user={server.username}", f"--password={server.password or ''}"]
    address = [f"--host={server.host}", f"--port={server.port or 3306}"]
    return [program, *login, *address, *options, str(server.database)]
