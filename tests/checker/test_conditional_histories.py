"""The check of histories knows ETags: which requests with conditions take effect, and when."""

import pytest

from tests.support.cart_model import Model
from tests.support.histories import (
    CHANGED,
    NO_ORDER,
    NOTHING,
    UNKNOWN,
    if_match,
    if_none_match,
    not_modified,
    order,
)
from tests.support.linearizability import Call, unexplained

FIRST = Call(("add", 1, 1), 0, 1, order((1, 1)))
CLOSED = order((1, 1), version=2, is_open=False)


def unexplained_after_first(calls):
    return unexplained([FIRST, *(Call(*call) for call in calls)], Model())


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(
            [
                (if_match("7-1", "add", 2, 3), 2, 3, order((1, 1), (2, 3), version=2)),
                (if_match("7-1", "clear"), 4, 5, CHANGED),
                (if_match("7-2", "clear"), 6, 7, order(version=3)),
                (if_none_match("7-3", "show"), 8, 9, not_modified("7-3")),
                (if_none_match("7-2", "show_by_id", 7), 10, 11, order(version=3)),
                (("show_by_id", 8), 12, 13, NO_ORDER),
            ],
            id="one after the other",
        ),
        pytest.param(
            [
                (if_match("7-1", "add", 1, 1), 2, 9, CHANGED),
                (if_match("7-1", "clear"), 2, 9, order(version=2)),
                (if_match("7-1", "checkout"), 2, 9, CHANGED),
            ],
            id="requests at once, of which one takes effect",
        ),
        pytest.param(
            [
                (if_match("7-1", "checkout"), 2, 3, UNKNOWN),
                (if_match("7-1", "checkout"), 4, 5, CHANGED),
            ],
            id="an unknown checkout that took effect",
        ),
        pytest.param(
            [
                (if_match("7-1", "checkout"), 2, 3, UNKNOWN),
                (if_match("7-1", "checkout"), 4, 5, CLOSED),
            ],
            id="an unknown checkout that never took effect",
        ),
        pytest.param(
            [
                (("checkout",), 2, 3, CLOSED),
                (if_match("7-1", "add", 1, 1), 4, 5, UNKNOWN),
                (("show",), 6, 7, NOTHING),
            ],
            id="an unknown add that came too late",
        ),
        pytest.param(
            [
                (("checkout",), 2, 3, UNKNOWN),
                (("add", 1, 1), 4, 5, UNKNOWN),
                (if_match("7-1", "clear"), 6, 7, CHANGED),
            ],
            id="an order whose ETag no answer has shown",
        ),
    ],
)
def test_what_could_have_happened_in_some_order_is_accepted(calls):
    assert unexplained_after_first(calls) == []


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([(("update", 1, 1), 2, 3, order((1, 1)))], id="no new version"),
        pytest.param([(("clear",), 2, 3, order(version=3))], id="a version too many"),
        pytest.param(
            [
                (("update", 1, 1), 2, 3, order((1, 1), version=2)),
                (if_match("7-1", "checkout"), 4, 5, order((1, 1), version=3, is_open=False)),
            ],
            id="a checkout of what has changed",
        ),
        pytest.param(
            [
                (if_match("7-1", "add", 1, 1), 2, 9, order((1, 2), version=2)),
                (if_match("7-1", "add", 2, 1), 2, 9, order((1, 2), (2, 1), version=3)),
            ],
            id="two changes of one version",
        ),
        pytest.param([(if_match("7-1", "checkout"), 2, 3, CHANGED)], id="412 for no change"),
        pytest.param(
            [(if_match("7-1", "clear"), 2, 9, CHANGED), (if_match("7-1", "clear"), 2, 9, CHANGED)],
            id="requests at once, of which none takes effect",
        ),
        pytest.param(
            [
                (if_match("7-2", "add", 2, 1), 2, 3, CHANGED),
                (("show",), 4, 5, order((1, 1), (2, 1), version=2)),
            ],
            id="a 412 that took effect",
        ),
        pytest.param(
            [(("clear",), 2, 3, UNKNOWN), (if_match("7-2", "checkout"), 4, 5, CLOSED)],
            id="a checkout after an unknown clear",
        ),
        pytest.param(
            [
                (("clear",), 2, 3, order(version=2)),
                (if_none_match("7-1", "show"), 4, 5, not_modified("7-1")),
            ],
            id="a stale 304",
        ),
        pytest.param(
            [(("checkout",), 2, 3, CLOSED), (("show_by_id", 7), 4, 5, order((1, 1)))],
            id="a stale read by id",
        ),
    ],
)
def test_what_cannot_have_happened_in_any_order_is_refused(calls):
    assert unexplained_after_first(calls) != []
