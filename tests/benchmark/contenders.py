"""What is measured: the service and the floor, on databases that end with the benchmark."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from demo.user_service import UserService
from tests.benchmark.load import Cost, measure
from tests.support.databases import autocommit, migrate, scratch_database
from tests.support.needs import MYSQL
from tests.support.orders import empty, fill
from tests.support.processes import until
from tests.support.service import Service

USERS = range(3, 503)  # their ids; the demo's two users have 1 and 2
FEW = USERS[:200]
SCENARIOS = {  # the users, the number of requests, the lines in each user's order
    "show": (FEW, 1000, 5),
    "add to a line": (FEW, 1000, 5),
    "add a new line": (USERS, 500, 5),
    "first add": (USERS, 500, None),
    "checkout": (USERS, 500, 5),
    "mix": (FEW, 1000, 5),
    "add with a key": (FEW, 1000, 5),
    "the same again": (FEW, 1000, 5),
    "one cart": (FEW, 0, 5),
    "/healthz": (FEW, 2000, None),
}
FLOOR = (
    "--config /dev/null --no-control-socket --worker-class gthread --workers 2 --threads 8"
    " --keep-alive 75"
)
REMEMBER, FORGET = "3600", "0"  # for USER_CACHE_TTL


@dataclass
class Contender:
    """An application on a database."""

    service: Service
    database: Connection
    others: int = 0  # orders up to this id are kept between scenarios

    def measure(self, scenario: str, connections: int = 8, **options) -> Cost:
        users, requests, lines = SCENARIOS[scenario]
        until(self._is_emptied)
        if lines is not None:
            fill(self.database, users, lines)
        to_users = self.service, self.database, scenario, len(users), requests, connections
        return measure(*to_users, **options)

    def _is_emptied(self) -> bool:
        """Delete the orders; return False if a request that wrk has left behind adds to one."""
        try:
            empty(self.database, after=self.others)
        except IntegrityError:
            return False
        return True

    def warm_up(self) -> None:
        """Send so many requests that each worker knows every user."""
        until(self._is_emptied)
        measure(self.service, self.database, "show", len(USERS), 10 * len(USERS))


class Bench(ExitStack):
    """The databases, the applications and their user-service, which all end with the block."""

    def __enter__(self) -> "Bench":
        if not MYSQL:
            sys.exit("TEST_DATABASE_URL must name a MySQL or MariaDB server")
        self._folder = Path(self.enter_context(TemporaryDirectory()))
        self.user_service = UserService().start()
        for number, user_id in enumerate(USERS, 1):
            self.user_service.add(f"u{number}", api_key=f"key-{number}", user_id=user_id)
        return self

    def database(self) -> str:
        """Make a database and return its URL."""
        return self.enter_context(scratch_database("mysql", self._folder))

    def migrated_database(self) -> str:
        """Make a database with the service's tables, and return its URL."""
        migrate(url := self.database())
        return url

    def service(self, url: str, cache_ttl: str = REMEMBER) -> Contender:
        return self._contender(url, cache_ttl)

    def floor(self, url: str, cache_ttl: str = REMEMBER) -> Contender:
        return self._contender(url, cache_ttl, app="tests.benchmark.floor:app", options=FLOOR)

    def hello(self, url: str, application: str) -> Contender:
        """Start one of the greetings, which know no users."""
        return self._contender(
            url, FORGET, app=f"tests.benchmark.hello:{application}", options=FLOOR
        )

    def uncounted(self, url: str) -> Contender:
        return self._contender(url, REMEMBER, app="tests.benchmark.uncounted:app")

    def _contender(self, url: str, cache_ttl: str, options: str = "", **more) -> Contender:
        log = self._folder / "service.log"
        service = Service(
            url, self.user_service.url, log, options=options, USER_CACHE_TTL=cache_ttl, **more
        )
        self.enter_context(service)
        contender = Contender(service, self.enter_context(autocommit(url)))
        if cache_ttl == REMEMBER:
            contender.warm_up()
        return contender
