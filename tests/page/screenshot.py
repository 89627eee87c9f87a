"""Make `docs/page.png`, the picture of the page that the README shows, at a fixed time."""

import tempfile
from pathlib import Path

from support.browser import User, open_browser
from support.constants import ROOT
from support.servers import Server

TARGET = ROOT / "docs" / "page.png"


def take_screenshot(folder: str) -> None:
    """Try a rule at the page, and save what it shows then."""
    with Server(Path(folder) / "conversations.db") as server, open_browser() as browser:
        user = User(browser, server, color_scheme="light", timezone_id="UTC")
        user.reset("default")
        user.page.goto(server.url)
        user.page.click('[data-rule="4"]')
        user.page.locator("#switches [value=active]").check(force=True)
        user.click("Send to Jane")
        user.see("#rule-result", "rule 4.")
        user.page.mouse.move(0, 0)
        user.page.evaluate("document.activeElement.blur()")
        user.page.screenshot(path=TARGET)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        take_screenshot(folder)
