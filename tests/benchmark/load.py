"""Requests by wrk, and what they cost."""

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, text

from tests.support.processes import until
from tests.support.service import Service

SCRIPT = Path(__file__).with_name("wrk.lua")
LONGEST = 120  # seconds


@dataclass
class Cost:
    """What requests took: a round's, or the sum of several rounds."""

    answered: int
    seconds: float  # until the last answer
    p50: float  # ms; of several rounds, their median
    p99: float
    errors: int  # no answer, or a 5xx
    served: int = 0  # and those still under way
    cpu: float = 0  # seconds, user and system, of all processes of the service
    statements: int = 0  # by the database's count, COMMIT and ROLLBACK included

    @classmethod
    def of(cls, rounds: list["Cost"]) -> "Cost":
        columns = {name: [getattr(cost, name) for cost in rounds] for name in vars(rounds[0])}
        medians = {name: median(columns.pop(name)) for name in ("p50", "p99")}
        return cls(**medians, **{name: sum(values) for name, values in columns.items()})

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    @property
    def statements_each(self) -> float:
        return self.statements / self.served

    @property
    def cpu_ms(self) -> float:
        return self.cpu / self.served * 1000


def measure(
    service: Service,
    database: Connection,
    scenario: str,
    users: int,
    requests: int,
    connections: int = 8,
) -> Cost:
    """Send a scenario's requests (see wrk.lua) as fast as they are answered."""
    cpu, statements = cpu_seconds(service), questions(database)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{LONGEST}", "--timeout", "20", "-s", SCRIPT]
    command += [service.url, "--", scenario, str(users), str(requests)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
        for line in wrk.stdout:
            if line == "enough\n":
                wrk.send_signal(signal.SIGINT)
            elif line.startswith("{"):
                cost = Cost(**json.loads(line))
    until(lambda: at_rest(database))
    cost.served = cost.answered + connections - 1  # each other connection still had one under way
    cost.cpu = cpu_seconds(service) - cpu
    cost.statements = questions(database) - statements
    return cost


def at_rest(database: Connection) -> bool:
    before = questions(database)
    time.sleep(0.02)
    return questions(database) == before + 1


def questions(database: Connection) -> int:
    return int(database.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'")).one()[1])


def processes(service: Service) -> list[int]:
    return [service.pid, *service.workers()]


def cpu_seconds(service: Service) -> float:
    """Return the user and system time of the service's processes: utime and stime of proc(5)."""
    ticks = 0
    for pid in processes(service):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(service: Service) -> list[float]:
    """Return the MiB of each of its processes; shared memory is divided among them."""
    return [mebibytes(pid, "smaps_rollup", "Pss") for pid in processes(service)]


def mebibytes(pid: int, file: str, field: str) -> float:
    """Return a field of one of proc(5)'s files."""
    content = Path(f"/proc/{pid}/{file}").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", content)[1]) / 1024
