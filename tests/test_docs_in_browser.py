"""The page at /docs/ in a browser: every route can be tried without typing anything."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from support.browser import NEEDS_BROWSER, User, find_follow_up
from support.constants import UID
from support.servers import Server
from support.stored import Stored

pytestmark = NEEDS_BROWSER


@pytest.fixture(params=["", "/vcita"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reader(browser: Browser, stored: Stored, prefix: str) -> Iterator[User]:
    server = Server(stored.path, SCRIPT_NAME=prefix)
    user = User(browser, server)
    user.page.goto(f"{server.url}{prefix}/docs/")
    expect(user.page.locator(".opblock").first).to_be_visible()
    yield user
    user.context.close()
    server.stop()


def try_out(user: User, operation: str) -> str:
    """Open an operation, and press its button; return the status of the response."""
    part = user.page.locator(f'[id$="-{operation}"]')
    part.locator(".opblock-summary-control").click()
    part.get_by_role("button", name="Execute").click()
    status = part.locator(".live-responses-table .response-col_status").last
    expect(status).to_be_visible()
    return status.inner_text().split()[0]


def test_the_first_example_creates_a_follow_up(reader: User, stored: Stored) -> None:
    assert try_out(reader, "updateConversation") == "200"
    follow_up = find_follow_up(stored, UID, sandbox="default")
    assert follow_up and follow_up[0] == "active"
    assert follow_up[2] == "call back about pricing"
    reader.check_that_all_was_well()


def test_every_route_can_be_tried_in_a_sandbox(reader: User, stored: Stored) -> None:
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


def test_a_phone_has_room_for_it(reader: User) -> None:
    reader.page.set_viewport_size({"width": 375, "height": 800})
    try_out(reader, "listMessages")
    widest = reader.page.evaluate("document.documentElement.scrollWidth")
    assert widest <= 375
