"""The check of histories finds a stale read that a cluster gives."""

import pytest

from tests.support.cart_model import Model
from tests.support.databases import execute_on
from tests.support.linearizability import unexplained
from tests.support.rivals import ask, session_of


@pytest.fixture
def without_waiting(nodes):
    """Let new connections to the second node wait before INSERT (4), but not before SELECT (1)."""
    execute_on(nodes[1], "SET GLOBAL wsrep_sync_wait = 4")
    try:
        yield
    finally:
        execute_on(nodes[1], "SET GLOBAL wsrep_sync_wait = 0")


@pytest.mark.usefixtures("without_waiting")
def test_a_stale_read_would_be_found(services, slow_node, user_service):
    with session_of(user_service.add("rival")) as session:
        added = ask(session, [services[0].url], ("add", 1, 1), patient=False)
        shown = ask(session, [services[1].url], ("show",), patient=False)
    assert unexplained([added, shown], Model()) == [shown]
