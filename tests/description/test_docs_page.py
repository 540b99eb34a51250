"""The page /docs in a real browser."""

import json
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.needs import need_program

pytestmark = pytest.mark.slow  # a browser

HOST = "shop.test"  # not localhost: there, Swagger UI never asks its online validator
FORM = "application/x-www-form-urlencoded"
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
def url(request, start, tmp_path):
    """The service's URL, below the prefix that is the parameter, if any."""
    prefix = getattr(request, "param", "")
    service = start(f"sqlite:///{tmp_path}/order.db", SCRIPT_NAME=prefix)
    return f"http://{HOST}:{service.port}{prefix}"


@pytest.fixture
def page(browser, url):
    """A page that must show no error, but for a 412, and send requests to no other host."""
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
    assert [error for error in errors if "status of 412 (" not in error] == []


def authorize(page, value):
    page.get_by_role("button", name="Authorize", exact=True).click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_label("Value:").fill(value)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(dialog).to_have_count(0)


def try_out(page, operation_id):
    operation = page.locator(f'[id^="operations-"][id$="-{operation_id}"]')
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    return operation


def execute(operation, status, fields=None):
    """Fill in fields, send the request from the page, and return the answer that it shows."""
    for name, value in (fields or {}).items():
        operation.get_by_placeholder(name, exact=True).fill(str(value))
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table .response")
    expect(shown.locator(".response-col_status")).to_have_text(str(status))
    return json.loads(shown.locator(".highlight-code pre").inner_text())


def shown_etag(operation):
    line = operation.locator(".live-responses-table .headerline", has_text="etag:")
    return line.inner_text().strip().removeprefix("etag: ")


@pytest.mark.parametrize("url", ["", "/shop"], indirect=True)
def test_a_user_adds_an_item_and_checks_out_on_the_page(page, url, user):
    page.goto(f"{url}/")
    expect(page).to_have_url(f"{url}/docs")
    authorize(page, f"Basic {user['api_key']}")

    add_item = try_out(page, "order_add_item")
    add_item.get_by_label("Request content type").select_option(FORM)
    order = execute(add_item, 200, {"product_id": 5, "qty": 2})["result"]
    assert order["items"] == [{"product_id": 5, "quantity": 2, "product": 5}]
    assert order["user_id"] == user["id"]

    closed = execute(try_out(page, "checkout"), 200)["result"]
    assert (closed["id"], closed["is_open"]) == (order["id"], False)


def test_a_user_clears_the_cart_and_checks_out_what_was_seen(page, url, user, request):
    page.goto(f"{url}/docs/")
    authorize(page, f"Basic {user['api_key']}")
    add_item = try_out(page, "order_add_item")
    add_item.get_by_label("Request content type").select_option("application/json")
    order = execute(add_item, 200)["result"]  # with the example as its body
    seen = shown_etag(add_item)

    clear = try_out(page, "clear")
    execute(clear, 412, {"If-Match": '"0-0"'})
    assert execute(clear, 200, {"If-Match": seen})["result"]["items"] == []
    add_item.locator("textarea").fill('{"product_id": 6, "qty": 1}')
    add_item.get_by_role("button", name="Execute").click()
    expect(add_item.locator(".live-responses-table")).to_contain_text('"product_id": 6')

    checkout = try_out(page, "checkout")
    changed = execute(checkout, 412, {"If-Match": seen})
    assert changed == {"message": "The order has changed"}
    closed = execute(checkout, 200, {"If-Match": shown_etag(add_item)})["result"]
    assert (closed["id"], closed["is_open"]) == (order["id"], False)
    assert execute(try_out(page, "order_by_id"), 200, {"order_id": order["id"]})["result"] == closed

    folder = request.config.cache.mkdir("screenshots")  # to look at
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=folder / f"docs-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_browser_asks_for_no_password(browser, url):
    """If it did, as after the challenge Basic, there would be no answer without a person."""
    page = browser.new_page()
    try:
        assert page.goto(f"{url}/api/order").status == 401
        assert json.loads(page.inner_text("body")) == {"message": "Not logged in"}
    finally:
        page.close()
