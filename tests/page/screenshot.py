"""Make `docs/page.png`, the picture of the page that the README shows, at a fixed time."""

import tempfile
from pathlib import Path

from playwright.sync_api import Route, expect

from support.browser import User, open_browser
from support.constants import FOLLOWED, ROOT, UID
from support.servers import Server

TARGET = ROOT / "docs" / "page.png"


def set_times(route: Route) -> None:
    """Replace times that depend on when a request was made."""
    response = route.fetch()
    body = response.json()
    for number, entry in enumerate(body["requests"]):
        entry["time"] = f"2026-05-05T10:30:{20 - number % 20:02}.000Z"
    route.fulfill(response=response, json=body)


def take_screenshot(server: Server) -> None:
    """Set a reminder at the page, and save what it shows then."""
    with open_browser() as browser:
        user = User(browser, server, color_scheme="light", timezone_id="UTC")
        user.page.route("**/__admin/requests?*", set_times)
        user.reset("default")
        user.page.goto(server.url)
        user.open(UID)
        user.server.put("demo-colleague", FOLLOWED, {"business_unread": True})
        user.click("Follow up")
        user.page.fill("#date", "2026-05-06")
        user.page.fill("#time", "13:31")
        user.page.fill("#note", "call back about pricing")
        user.click("Save")
        user.see("#reminder", "Reminder set for tomorrow at 1:31 PM")
        expect(user.page.locator("#toast")).to_be_empty(timeout=10_000)
        user.page.locator("#all").uncheck()
        user.page.mouse.move(0, 0)
        user.page.locator("#scroller").evaluate("each => each.scrollTop = each.scrollHeight")
        user.page.evaluate("document.activeElement.blur()")
        user.page.screenshot(path=TARGET)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "conversations.db")
        try:
            take_screenshot(server)
        finally:
            server.stop()
