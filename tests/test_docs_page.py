"""The page /docs in a real browser."""

import json
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.needs import need_program

HOST = "shop.test"  # not localhost: there, Swagger UI never asks its online validator
OPTIONS = [
    "--no-sandbox",
    "--disable-background-networking",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND",
]
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def browser():
    need_program("chromium")
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def url(start, tmp_path):
    service = start(f"sqlite:///{tmp_path}/order.db")
    return f"http://{HOST}:{service.port}"


@pytest.fixture
def page(browser, url):
    """A page that must show no error and send requests to no other host."""
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page
    finally:
        page.close()
    assert [address for address in asked if not address.startswith(f"{url}/")] == []
    assert errors == []


def authorize(page, value):
    page.get_by_role("button", name="Authorize", exact=True).click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_label("Value:").fill(value)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(dialog).to_have_count(0)


def try_out(page, operation_id):
    operation = page.locator(f"#operations-cart-{operation_id}")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    return operation


def execute(operation, status):
    """Send the request from the page, and return the order in the answer that it shows."""
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table .response")
    expect(shown.locator(".response-col_status")).to_have_text(str(status))
    return json.loads(shown.locator(".highlight-code pre").inner_text())["result"]


def test_a_user_adds_an_item_and_checks_out_on_the_page(page, url, user, request):
    page.goto(f"{url}/")
    expect(page).to_have_url(f"{url}/docs")
    authorize(page, f"Basic {user['api_key']}")

    add_item = try_out(page, "add_item")
    add_item.get_by_placeholder("product_id").fill("5")
    add_item.get_by_placeholder("qty").fill("2")
    order = execute(add_item, 200)
    assert order["items"] == [{"product_id": 5, "quantity": 2, "product": 5}]
    assert order["user_id"] == user["id"]

    closed = execute(try_out(page, "checkout"), 200)
    assert (closed["id"], closed["is_open"]) == (order["id"], False)

    folder = request.config.cache.mkdir("screenshots")  # to look at
    page.screenshot(path=folder / "docs.png", full_page=True)
