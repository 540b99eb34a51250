"""Clients share carts: whatever they are told could have happened in some order, one by one."""

from dataclasses import replace

from tests.support.cart_model import Model
from tests.support.linearizability import unexplained
from tests.support.needs import trials
from tests.support.rivals import ask, check_histories, record, session_of


@trials(3, 15)
def test_histories_are_linearizable_while_workers_are_killed(
    start, user_service, new_database, report, trials
):
    found = check_histories([start(new_database)], user_service, trials)
    report("histories of four clients, a worker killed", trials, new_database, found)


def test_a_stale_read_in_a_real_history_is_found(start, user_service, new_database):
    service, user = start(new_database), user_service.add("rival")
    history = record([service.url], user)
    with session_of(user) as session:
        steps = ("show",), ("add", 1, 1), ("show",)
        earlier, _, last = after = [ask(session, [service.url], s, patient=True) for s in steps]
    assert unexplained(history + after, Model()) == []
    stale = replace(last, answer=earlier.answer)
    assert unexplained([*history, *after[:-1], stale], Model()) == [stale]
