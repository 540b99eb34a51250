"""The ids of requests: returned, passed on to user-service, and written to the log."""

import re

import pytest

from tests.support.api import show

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NEW_ID = r"[0-9a-f]{32}"


@pytest.fixture
def ask(client, login, user_service):
    """Get the cart; return the answer and the headers that user-service received."""

    def ask(**headers):
        answer = show(client, login | headers)
        return answer, user_service.asked[-1][1]

    return ask


@pytest.mark.parametrize("theirs", ["abc-1", "7", "Root=1-67891233-abc:d/e+f_g.h", "x" * 128])
def test_a_valid_request_id_is_returned_and_passed_on(ask, theirs):
    answer, seen = ask(**{"X-Request-ID": theirs})
    assert answer.headers["X-Request-ID"] == theirs
    assert seen["X-Request-ID"] == theirs


@pytest.mark.parametrize("theirs", [None, "", "two words", "a\tb", "\xe9", "x" * 129, "$5$key"])
def test_any_other_request_id_is_replaced(ask, theirs):
    answer, seen = ask(**({} if theirs is None else {"X-Request-ID": theirs}))
    assert re.fullmatch(NEW_ID, answer.headers["X-Request-ID"])
    assert seen["X-Request-ID"] == answer.headers["X-Request-ID"]


def test_every_answer_has_a_request_id_of_its_own_errors_included(client):
    answers = [client.get(path) for path in ("/nowhere", "/api/order", "/api/order/add-item")]
    assert [answer.status_code for answer in answers] == [404, 401, 405]
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 3


@pytest.mark.parametrize(
    ("theirs", "passed_on"),
    [
        (TRACEPARENT, TRACEPARENT),
        (None, None),
        ("", None),
        (f"{TRACEPARENT}\tx", None),
        ("0", None),
    ],
)
def test_a_traceparent_is_passed_on(ask, theirs, passed_on):
    _, seen = ask(**({"traceparent": theirs} if theirs is not None else {}))
    assert seen.get("traceparent") == passed_on
