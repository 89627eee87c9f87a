"""The page at /docs/ in a browser: every route can be tried without typing anything."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from support.browser import NEEDS_BROWSER, User, find_follow_up
from support.constants import UID
from support.servers import Server
from support.stored import Stored

pytestmark = NEEDS_BROWSER


@pytest.fixture
def reader(browser: Browser, stored: Stored, request: pytest.FixtureRequest) -> Iterator[User]:
    """Give a reader of the page, which is under the prefix that a test may have as `param`."""
    prefix = getattr(request, "param", "")
    with Server(stored.path, SCRIPT_NAME=prefix) as server, User(browser, server) as user:
        user.page.goto(f"{server.url}{prefix}/docs/")
        expect(user.page.locator(".opblock").first).to_be_visible()
        yield user


def try_out(user: User, operation: str) -> str:
    """Open an operation, and press its button; return the status of the response."""
    part = user.page.locator(f'[id$="-{operation}"]')
    part.locator(".opblock-summary-control").click()
    part.get_by_role("button", name="Execute").click()
    status = part.locator(".live-responses-table .response-col_status").last
    expect(status).to_be_visible()
    return status.inner_text().split()[0]


@pytest.mark.parametrize("reader", ["", "/vcita"], indirect=True)
def test_swagger_ui_first_example_creates_a_follow_up(reader: User, stored: Stored) -> None:
    assert try_out(reader, "updateConversation") == "200"
    follow_up = find_follow_up(stored, UID, sandbox="default")
    assert follow_up and follow_up[::2] == ("active", "call back about pricing")
    reader.check_that_all_was_well()


def test_swagger_ui_tries_every_route_in_a_sandbox(reader: User, stored: Stored) -> None:
    reader.page.select_option("#token", "demo-colleague")
    reader.page.fill("#sandbox", "docs")
    operations = [str(each.get_attribute("id")) for each in reader.page.locator(".opblock").all()]
    assert len(operations) > 20
    for operation in operations:
        status = try_out(reader, operation.rpartition("-")[2])
        assert status.startswith("2"), f"{operation}: {status}"
    assert {row["name"] for row in stored.rows("SELECT name FROM sandbox")} == {"default", "docs"}
    assert find_follow_up(stored, UID, sandbox="default") is None
    reader.check_that_all_was_well()


def test_swagger_ui_fits_on_a_phone(reader: User) -> None:
    reader.page.set_viewport_size({"width": 375, "height": 800})
    try_out(reader, "listMessages")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 375
