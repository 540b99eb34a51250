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
    fewest: int  # answers that one of wrk's threads has got
    served: int = 0  # and those still under way
    user: float = 0  # seconds of CPU time, of all processes of the service
    system: float = 0  # the same, in the kernel
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
        return (self.user + self.system) / self.served * 1000

    @property
    def kernel_ms(self) -> float:
        return self.system / self.served * 1000


def measure(
    service: Service,
    database: Connection,
    scenario: str,
    users: int,
    requests: int,
    connections: int = 8,
    threads: int = 1,
    seconds: int = LONGEST,
) -> Cost:
    """Send a scenario's requests (see wrk.lua) as fast as they are answered.

    If ``requests`` is 0, they are sent for some ``seconds``.
    """
    user, system, statements = *cpu_seconds(service), questions(database)
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--timeout", "20"]
    command += ["-s", SCRIPT, service.url, "--", scenario, str(users), str(requests)]
    command.append(str(time.time_ns()))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
        for line in wrk.stdout:
            if line == "enough\n":
                wrk.send_signal(signal.SIGINT)
            elif line.startswith("{"):
                cost = Cost(**json.loads(line))
    until(lambda: at_rest(database))
    cost.served = cost.answered + connections - 1  # each other connection still had one under way
    user_after, system_after = cpu_seconds(service)
    cost.user, cost.system = user_after - user, system_after - system
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


def cpu_seconds(service: Service) -> tuple[float, float]:
    """Return the user and system time of the service's processes: utime and stime of proc(5)."""
    user = system = 0
    for pid in processes(service):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user / os.sysconf("SC_CLK_TCK"), system / os.sysconf("SC_CLK_TCK")


def memory(service: Service) -> list[float]:
    """Return the MiB of each of its processes; shared memory is divided among them."""
    return [mebibytes(pid, "smaps_rollup", "Pss") for pid in processes(service)]


def mebibytes(pid: int, file: str, field: str) -> float:
    """Return a field of one of proc(5)'s files."""
    content = Path(f"/proc/{pid}/{file}").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", content)[1]) / 1024
