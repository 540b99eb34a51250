"""``make bench``: measure the service, print tables, and draw ``docs/performance.svg``.

What requests cost compared with the floor, what the metrics cost, how 64 clients share one cart,
how much slower requests are beside idle connections, with a database far away and beside a million
orders, and how fast the list of all orders is. ``--quick`` makes small tables and one round, only
to see that the benchmark works.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median

from sqlalchemy import text

from tests.benchmark.chart import draw
from tests.benchmark.contenders import FEW, FORGET, USERS, Bench, Contender
from tests.benchmark.distance import far_away
from tests.benchmark.idle import idle_connections
from tests.benchmark.listing import download, print_by_cursor
from tests.benchmark.load import Cost, measure, memory
from tests.benchmark.table import print_row, print_table_head
from tests.support.orders import fill

QUICK = "--quick" in sys.argv
ROUNDS = 1 if QUICK else 5  # all contenders take turns in each, since the machine's speed changes
MANY_ORDERS = 10_000 if QUICK else 1_000_000
LISTED_ORDERS = 2_000 if QUICK else 200_000
IDLE = 100 if QUICK else 2_000
CROWD = 64  # clients of one cart
CROWDED = 1 if QUICK else 5  # seconds
BESIDE_THE_FLOOR = ("show", "add to a line", "add a new line", "first add", "checkout", "mix")


def take_turns(contenders: list[Contender], *scenario, rounds: int = ROUNDS) -> list[Cost]:
    turns = [[contender.measure(*scenario) for contender in contenders] for _ in range(rounds)]
    return [Cost.of(costs) for costs in zip(*turns, strict=True)]


def print_requests(bench: Bench) -> None:
    columns = ["request", "statements", "CPU ms", "in the kernel", "floor", "ratio"]
    print_table_head(*columns, "req/s", "floor", "p50 ms", "p99 ms", "errors")
    url = bench.database()
    both = service, _ = [bench.service(url), bench.floor(url)]
    bars = {}
    for scenario in BESIDE_THE_FLOOR:
        costs = take_turns(both, scenario)
        print_requests_row(scenario, *costs)
        bars[scenario] = [cost.cpu_ms for cost in costs]
    for scenario in ("show", "mix"):
        name = f"{scenario}, 256 connections"
        print_requests_row(name, *take_turns(both, scenario, 256))
    forgetful = [bench.service(url, FORGET), bench.floor(url, FORGET)]
    print_requests_row("show, USER_CACHE_TTL=0", *take_turns(forgetful, "show"))
    service.measure("the same again")  # from now on, its keys are known
    for scenario in ("add with a key", "the same again"):
        print_requests_row(scenario, *take_turns([service], scenario))
    parts = memory(service.service)
    print(f"\nMemory: {sum(parts):.0f} MiB, of {', '.join(f'{part:.0f}' for part in parts)}")
    if not QUICK:
        draw(bars)


def print_requests_row(name: str, service: Cost, floor: Cost | None = None) -> None:
    print_row(
        name,
        f"{service.statements_each:.1f}",
        f"{service.cpu_ms:.2f}",
        f"{service.kernel_ms:.2f}",
        f"{floor.cpu_ms:.2f}" if floor else "",
        f"{service.cpu_ms / floor.cpu_ms:.2f}" if floor else "",
        f"{service.rate:.0f}",
        f"{floor.rate:.0f}" if floor else "",
        f"{service.p50:.1f}",
        f"{service.p99:.1f}",
        service.errors,
    )


def print_hello(bench: Bench) -> None:
    print()
    print_table_head("CPU ms", "service", "hello from Flask", "hello from WSGI", "beyond Flask")
    url = bench.database()
    greeters = [bench.service(url), bench.hello(url, "app"), bench.hello(url, "wsgi")]
    costs = [cost.cpu_ms for cost in take_turns(greeters, "/healthz")]
    print_row("/healthz", *(f"{cost:.2f}" for cost in costs), f"{costs[0] - costs[1]:+.2f}")


def print_metrics(bench: Bench) -> None:
    print()
    print_table_head("CPU ms", "with metrics", "without", "ratio")
    url = bench.database()
    both = bench.service(url), bench.uncounted(url)
    for scenario in ("show", "add to a line"):
        # Many rounds: the difference is smaller than the one between two rounds.
        counted, uncounted = (c.cpu_ms for c in take_turns(both, scenario, rounds=4 * ROUNDS))
        print_row(scenario, f"{counted:.2f}", f"{uncounted:.2f}", f"{counted / uncounted:.2f}")


def print_crowd(bench: Bench) -> None:
    url = bench.database()
    both = {"service": bench.service(url), "floor": bench.floor(url)}
    print()
    columns = ["req/s", "p50 ms", "p99 ms", "errors", "slowest client's share"]
    print_table_head(f"add by {CROWD} clients to one cart", *columns)
    for name, contender in both.items():
        cost = contender.measure("one cart", CROWD, threads=CROWD, seconds=CROWDED)
        share = f"{cost.fewest * CROWD / cost.answered:.2f}"
        times = f"{cost.p50:.0f}", f"{cost.p99:.0f}"
        print_row(name, f"{cost.rate:.0f}", *times, cost.errors, share)


def print_idle(bench: Bench) -> None:
    service = bench.service(bench.database())
    show = partial(take_turns, [service], "show")
    print()
    print_table_head("show, eight connections", "", "memory MiB")
    print_row("alone", percentiles(*show()), f"{sum(memory(service.service)):.0f}")
    with idle_connections(service.service, IDLE):
        cells = percentiles(*show()), f"{sum(memory(service.service)):.0f}"
        print_row(f"beside {IDLE} idle connections", *cells)


def print_distance(bench: Bench) -> None:
    near = bench.database()
    far = bench.enter_context(far_away(near))
    print()
    print_table_head("p50 ms", "database near", "1 ms away", "difference")
    both = [bench.service(near), bench.service(far)]
    for scenario in ("show", "add to a line"):
        p50s = [cost.p50 for cost in take_turns(both, scenario, 2)]
        print_row(scenario, *(f"{p50:.1f}" for p50 in p50s), f"{p50s[1] - p50s[0]:.1f}")


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
        meanwhile = show()
        print_row("and meanwhile", percentiles(meanwhile))
        assert QUICK or running.result().seconds > meanwhile.seconds


def percentiles(cost: Cost) -> str:
    return f"p50 {cost.p50:.1f} ms, p99 {cost.p99:.1f} ms, errors {cost.errors}"


def main() -> None:
    requests = print_requests, print_hello, print_metrics, print_crowd
    for part in (*requests, print_idle, print_distance, print_growth, print_list):
        with Bench() as bench:
            part(bench)


if __name__ == "__main__":
    main()
