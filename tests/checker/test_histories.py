"""The check of histories accepts what could have happened in some order, and nothing else."""

import time

import pytest

from tests.support.cart_model import Model
from tests.support.histories import NO_ORDER, NOTHING, UNKNOWN, order
from tests.support.linearizability import Call, unexplained


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([], id="no call"),
        pytest.param(
            [
                (("show",), 0, 1, NOTHING),
                (("add", 1, 2), 2, 3, order((1, 2))),
                (("add", 2, 1), 4, 5, order((1, 2), (2, 1), version=2)),
                (("remove", 1), 6, 7, order((2, 1), version=3)),
                (("checkout",), 8, 9, order((2, 1), version=4, is_open=False)),
                (("update", 2, 1), 10, 11, NO_ORDER),
                (("add", 3, 1), 12, 13, order((3, 1), number=8)),
                (("clear",), 14, 15, order(number=8, version=2)),
            ],
            id="one after the other",
        ),
        pytest.param(
            [(("add", 1, 1), 0, 9, order((1, n), version=n)) for n in (3, 1, 2)],
            id="overlapping adds",
        ),
        pytest.param(
            [(("add", 1, 1), 0, 9, order((1, 1))), (("show",), 1, 2, NOTHING)],
            id="a show before the add that it overlaps",
        ),
        pytest.param(
            [(("add", 1, 1), 0, 9, order((1, 1))), (("show",), 1, 2, order((1, 1)))],
            id="a show after the add that it overlaps",
        ),
        pytest.param(
            [
                (("add", 1, 1), 0, 1, order((1, 1), number=7)),
                (("checkout",), 2, 3, UNKNOWN),
                (("add", 1, 1), 4, 5, UNKNOWN),
                (("show",), 6, 7, order((1, 1), number=8)),
            ],
            id="the order of an unknown add",
        ),
        pytest.param(
            [(("add", 1, 1), 0, 1, UNKNOWN), (("show",), 2, 3, NOTHING)],
            id="an unknown add that never took effect",
        ),
        pytest.param(
            [
                (("add", 1, 1), 0, 1, UNKNOWN),
                (("show",), 2, 3, NOTHING),
                (("show",), 4, 5, order((1, 1))),
            ],
            id="an unknown add that took effect late",
        ),
    ],
)
def test_what_could_have_happened_in_some_order_is_accepted(calls):
    assert unexplained([Call(*call) for call in calls], Model()) == []


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(
            [(("add", 1, 1), 0, 1, order((1, 1))), (("show",), 2, 3, NOTHING)], id="a stale read"
        ),
        pytest.param(
            [
                (("add", 1, 1), 0, 9, order((1, 1))),
                (("show",), 1, 2, order((1, 1))),
                (("show",), 3, 4, NOTHING),
            ],
            id="a stale read after a fresh one, both during the add",
        ),
        pytest.param([(("add", 1, 1), 0, 9, order((1, 1)))] * 2, id="a lost update"),
        pytest.param(
            [(("add", 1, 1), 0, 1, UNKNOWN), (("show",), 2, 3, order((1, 2)))],
            id="an unknown add that took effect twice",
        ),
        pytest.param(
            [(("show",), 0, 1, order((1, 1))), (("add", 1, 1), 2, 3, UNKNOWN)],
            id="an unknown add that took effect before it began",
        ),
        pytest.param(
            [
                (("add", 1, 1), 0, 1, order((1, 1))),
                (("checkout",), 0, 9, order((1, 1), version=2, is_open=False)),
                (("checkout",), 0, 9, order((1, 1), version=2, is_open=False)),
            ],
            id="a second checkout",
        ),
        pytest.param(
            [
                (("add", 1, 1), 0, 1, order((1, 1))),
                (("checkout",), 2, 3, order((1, 1), version=2, is_open=False)),
                (("add", 1, 1), 4, 5, order((1, 1), version=3)),
            ],
            id="a closed order that is open again",
        ),
        pytest.param(
            [
                (("add", 1, 1), 0, 1, order((1, 1), number=7)),
                (("add", 1, 1), 2, 3, order((1, 2), number=8, version=2)),
            ],
            id="another order's id",
        ),
    ],
)
def test_what_cannot_have_happened_in_any_order_is_refused(calls):
    assert unexplained([Call(*call) for call in calls], Model()) != []


def test_many_unknown_calls_take_no_exponential_time():
    unknown = [Call(("remove", n), 0, 1, UNKNOWN) for n in range(30)]
    stale = [Call(("add", 1, 1), 2, 3, order((1, 1))), Call(("show",), 4, 5, NOTHING)]
    began = time.monotonic()
    assert unexplained([*unknown, *stale], Model()) == stale[1:]
    assert time.monotonic() < began + 10
