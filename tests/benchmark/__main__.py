"""``make bench``: measure the service.

What requests cost compared with the floor, what the metrics cost, how much slower requests are
beside a million orders, and how fast the list of all orders is. ``--quick`` makes small tables and
one round, only to see that the benchmark works.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median

from sqlalchemy import text

from tests.benchmark.contenders import FEW, FORGET, SCENARIOS, USERS, Bench, Contender
from tests.benchmark.listing import download, print_by_cursor
from tests.benchmark.load import Cost, measure, memory
from tests.benchmark.table import print_row, print_table_head
from tests.support.orders import fill

QUICK = "--quick" in sys.argv
ROUNDS = 1 if QUICK else 5  # all contenders take turns in each, since the machine's speed changes
MANY_ORDERS = 10_000 if QUICK else 1_000_000
LISTED_ORDERS = 2_000 if QUICK else 200_000


def take_turns(contenders: list[Contender], *scenario, rounds: int = ROUNDS) -> list[Cost]:
    turns = [[contender.measure(*scenario) for contender in contenders] for _ in range(rounds)]
    return [Cost.of(costs) for costs in zip(*turns, strict=True)]


def print_requests(bench: Bench) -> None:
    columns = ["request", "statements", "CPU ms", "floor", "ratio", "req/s", "floor"]
    print_table_head(*columns, "p50 ms", "p99 ms", "errors")
    url = bench.database()
    both = service, _ = [bench.service(url), bench.floor(url)]
    for scenario in SCENARIOS:
        print_requests_row(scenario, *take_turns(both, scenario))
    for scenario in ("show", "mix"):
        name = f"{scenario}, 256 connections"
        print_requests_row(name, *take_turns(both, scenario, 256))
    forgetful = [bench.service(url, FORGET), bench.floor(url, FORGET)]
    print_requests_row("show, USER_CACHE_TTL=0", *take_turns(forgetful, "show"))
    parts = memory(service.service)
    print(f"\nMemory: {sum(parts):.0f} MiB, of {', '.join(f'{part:.0f}' for part in parts)}")


def print_requests_row(name: str, service: Cost, floor: Cost) -> None:
    print_row(
        name,
        f"{service.statements_each:.1f}",
        f"{service.cpu_ms:.2f}",
        f"{floor.cpu_ms:.2f}",
        f"{service.cpu_ms / floor.cpu_ms:.2f}",
        f"{service.rate:.0f}",
        f"{floor.rate:.0f}",
        f"{service.p50:.1f}",
        f"{service.p99:.1f}",
        service.errors,
    )


def print_metrics(bench: Bench) -> None:
    print()
    print_table_head("CPU ms", "with metrics", "without", "ratio")
    url = bench.database()
    both = bench.service(url), bench.uncounted(url)
    for scenario in ("show", "add to a line"):
        # Many rounds: the difference is smaller than the one between two rounds.
        counted, uncounted = (c.cpu_ms for c in take_turns(both, scenario, rounds=4 * ROUNDS))
        print_row(scenario, f"{counted:.2f}", f"{uncounted:.2f}", f"{counted / uncounted:.2f}")


def print_growth(bench: Bench) -> None:
    _, grown = both = [bench.service(bench.database()) for _ in range(2)]
    fill(grown.database, range(10_000, 10_000 + MANY_ORDERS), lines=2)
    grown.others = grown.database.scalar(text("SELECT MAX(id) FROM `order`"))
    print()
    print_table_head("p50 ms", "alone", f"{MANY_ORDERS} other orders", "ratio", "statements")
    for scenario in ("show", "add to a line", "first add", "checkout"):
        few, many = take_turns(both, scenario)
        statements = f"{few.statements_each:.1f}, {many.statements_each:.1f}"
        ratio = f"{many.p50 / few.p50:.2f}"
        print_row(scenario, f"{few.p50:.2f}", f"{many.p50:.2f}", ratio, statements)


def print_list(bench: Bench) -> None:
    service = bench.service(url := bench.database())
    fill(service.database, range(USERS.start, USERS.start + LISTED_ORDERS), lines=5)
    turns = [(download(service.service), print_by_cursor(url)) for _ in range(min(ROUNDS, 3))]
    lists, loops = zip(*turns, strict=True)
    seconds, loop = median(one.seconds for one in lists), median(loops)
    print()
    print_table_head(f"list of {LISTED_ORDERS} orders", f"{lists[0].size / 2**20:.0f} MiB")
    print_row("first byte", f"{max(one.first_byte for one in lists):.3f} s")
    print_row("the whole", f"{seconds:.1f} s")
    print_row("a cursor that prints it", f"{loop:.1f} s, ratio {seconds / loop:.2f}")
    print_row("the worker's memory grows by", f"{max(one.growth for one in lists):.1f} MiB")
    show = partial(measure, service.service, service.database, "show", len(FEW), 500, 2)
    print_row("show, two connections, alone", percentiles(show()))
    with ThreadPoolExecutor() as threads:
        running = threads.submit(download, service.service)
        print_row("and meanwhile", percentiles(show()))
        assert QUICK or not running.done()


def percentiles(cost: Cost) -> str:
    return f"p50 {cost.p50:.1f} ms, p99 {cost.p99:.1f} ms, errors {cost.errors}"


def main() -> None:
    for part in (print_requests, print_metrics, print_growth, print_list):
        with Bench() as bench:
            part(bench)


if __name__ == "__main__":
    main()
