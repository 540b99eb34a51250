"""A client that openapi-python-client generates from the served description, used for real."""

import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module

import pytest

from tests.support.service import Service


@pytest.fixture(scope="module")
def service(user_service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    database = f"sqlite:///{folder}/order.db"
    with Service(database, user_service.url, folder / "service.log") as service:
        yield service


@pytest.fixture(scope="module")
def models(service, tmp_path_factory):
    """The generated models. The package can be imported as ``generated``."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "settings.yaml").write_text("post_hooks: []")  # do not format the code
    command = ["-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
    command += ["--url", f"{service.url}/openapi.json", "--output-path", folder / "generated"]
    command += ["--config", folder / "settings.yaml"]
    subprocess.run([sys.executable, *command], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield import_module("generated.models")


@pytest.fixture
def sent():
    """The requests that the client has sent."""
    return []


@pytest.fixture
def call(models, service, user, sent):
    """Call an operation as a user without orders. A status that is not described is an error."""
    kind = import_module("generated").AuthenticatedClient
    client = kind(service.url, token=user["api_key"], prefix="Basic")
    client.raise_on_unexpected_status = True
    client.get_httpx_client().event_hooks = {"request": [sent.append]}

    def call(operation, **arguments):
        module = import_module(f"generated.api.{operation}")
        return module.sync_detailed(**{"client": client} | arguments)

    with client:
        yield call


def lines(answer):
    return [(item.product_id, item.quantity) for item in answer.parsed.result.items]


def test_a_user_shops(call, models, user):
    began = datetime.now(UTC)
    added = call("cart.order_add_item", body=models.ItemInput(product_id=5, qty=2))
    assert (added.status_code, lines(added)) == (200, [(5, 2)])
    updated = call("cart.update_item", body=models.ItemInput(product_id=5, qty="7"))
    assert lines(updated) == [(5, 7)]
    call("cart.order_add_item", body=models.ItemInput(product_id=6, qty=1))
    removed = call("cart.remove_item", body=models.ProductInput(product_id=6))
    shown = call("cart.order")
    assert shown.parsed == removed.parsed
    assert (lines(shown), shown.parsed.result.is_open) == ([(5, 7)], True)

    closed = call("cart.checkout", if_match=shown.headers["ETag"]).parsed.result
    assert closed.id == added.parsed.result.id
    assert (closed.user_id, closed.is_open) == (user["id"], False)
    assert began.replace(microsecond=0) <= closed.date_added <= closed.date_updated
    assert call("orders.history").parsed == [closed]
    assert call("orders.orders", user_id=user["id"], limit=1).parsed == [closed]
    assert call("orders.order_by_id", order_id=closed.id).parsed.result == closed
    assert call("cart.order").parsed == models.Message("No order found")


def test_bodies_are_what_they_are_called(call, models, sent):
    call("cart.order_add_item", body=models.ItemInput(product_id=5, qty=2))
    form = call("cart.order_add_item", body=models.ItemForm(product_id=5, qty=3))
    assert lines(form) == [(5, 5)]
    removed = call("cart.remove_item", body=models.ProductForm(product_id="5"))
    assert lines(removed) == []
    assert [(request.headers["Content-Type"], request.content) for request in sent] == [
        ("application/json", b'{"product_id":5,"qty":2}'),
        ("application/x-www-form-urlencoded", b"product_id=5&qty=3"),
        ("application/x-www-form-urlencoded", b"product_id=5"),
    ]


def test_conditions_and_clear(call, models):
    item = models.ItemInput(product_id=5, qty=2)
    first = call("cart.order_add_item", body=item, idempotency_key="key")
    repeated = call("cart.order_add_item", body=item, idempotency_key="key")
    assert (repeated.parsed, repeated.headers["Idempotent-Replayed"]) == (first.parsed, "true")
    seen = first.headers["ETag"]
    assert call("cart.order", if_none_match=seen).status_code == 304

    cleared = call("cart.clear", if_match=seen)
    assert (cleared.status_code, lines(cleared)) == (200, [])
    for late in (
        call("cart.order_add_item", body=item, if_match=seen),
        call("cart.checkout", if_match=seen),
    ):
        assert late.status_code == 412
        assert late.parsed == models.Message("The order has changed")
    assert call("cart.order").parsed == cleared.parsed


def test_errors_are_messages(call, models, service):
    bad = call("cart.order_add_item", body=models.ItemInput(product_id=5, qty=0))
    assert bad.status_code == 400
    assert bad.parsed.message == "qty must be a whole number from 1 to 2147483647"
    with import_module("generated").Client(service.url) as stranger:
        refused = call("cart.order", client=stranger)
    assert (refused.status_code, refused.parsed.message) == (401, "Not logged in")
