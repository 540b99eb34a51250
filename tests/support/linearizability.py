"""Whether calls that overlapped in time could have been made one after the other."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Call:
    """A client's request, its begin and end in seconds, and its answer; None if it is unknown."""

    request: Any
    begin: float
    end: float
    answer: Any


def unexplained(calls: Iterable[Call], model: Any) -> list[Call]:
    """Return no call if the calls are linearizable, else those that the best attempt left over.

    They are if each may have taken effect at one moment between its begin and its end, so that
    ``model``, which takes one after the other, ``accepts`` every answer. A call whose answer is
    unknown may have taken effect at any time after its begin, or never.

    This is the search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993), which
    remembers the states that it has seen, as Lowe does ("Testing for Linearizability", 2017).
    """
    best = [*calls]
    attempts, seen = [(frozenset(best), model)], set()
    while attempts:
        pending, model = attempts.pop()
        answered = [call for call in pending if call.answer is not None]
        if not answered:
            return []
        best = min(best, answered, key=len)
        for call in _may_be_next(pending, min(call.end for call in answered)):
            after = deepcopy(model)
            if not after.accepts(call.request, call.answer):
                continue
            if call.answer is None and after == model:  # as if it never took effect
                continue
            attempt = pending - {call}, repr(after)
            if attempt not in seen:
                seen.add(attempt)
                attempts.append((attempt[0], after))
    return sorted(best, key=lambda call: call.begin)


def _may_be_next(pending: Iterable[Call], first_end: float) -> list[Call]:
    """Return the calls that began before any other ended, the most promising last."""
    calls = [call for call in pending if call.begin < first_end]
    return sorted(calls, key=lambda call: (call.answer is not None, -call.end))
