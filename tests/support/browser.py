"""Debian's Chromium, and the page as a person uses it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.commands import needs
from support.constants import FIXED
from support.servers import Server
from support.stored import Stored

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ("--no-sandbox", "--disable-background-networking")
NEEDS_BROWSER = [pytest.mark.long, needs("chromium")]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser, and stop it in the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        yield browser
        browser.close()


class User:
    """A staff member at the page, in a sandbox of their own whose clock is frozen."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 800}} | options
        self.server = server
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.addresses.append(request.url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.context.close()

    def reset(self, sandbox: str = "browser", now: str = FIXED) -> None:
        self.server.ask(f"demo-owner@{sandbox}", "POST", "/__admin/reset", {"now": now})

    def go(self, sandbox: str = "browser", token: str = "demo-owner") -> None:
        self.page.goto(f"{self.server.url}/?sandbox={sandbox}&as={token}")
        expect(self.page.locator("#list button").first).to_be_attached()

    def open(self, uid: str) -> None:
        self.page.click(f'#list [data-uid="{uid}"]')
        expect(self.page.locator("#about")).to_contain_text(uid)

    def click(self, *names: str) -> None:
        for name in names:
            self.page.get_by_role("button", name=name, exact=True).click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def follow_up(self, message: str) -> None:
        """Send the dialog with a message."""
        self.click("Follow up")
        self.page.fill("#note", message)
        self.press("Control+Enter")

    def see(self, *selectors_and_texts: str) -> None:
        for selector, text in zip(*[iter(selectors_and_texts)] * 2, strict=True):
            expect(self.page.locator(selector)).to_contain_text(text)

    def see_toast(self, text: str) -> None:
        expect(self.page.locator("#toast span")).to_have_text(text)

    def shows(self, *selectors: str) -> None:
        for selector in selectors:
            expect(self.page.locator(selector).first).to_be_visible()

    def hides(self, *selectors: str) -> None:
        for selector in selectors:
            expect(self.page.locator(selector).first).to_be_hidden()

    def call(self, module: str, expression: str) -> Any:
        """Return what an expression has that uses `module`, one of the page's."""
        return self.page.evaluate(f"import('./page/{module}').then((module) => {expression})")

    def sent(self) -> Any:
        """Return the body that the last click sent, as the inspector shows it."""
        return json.loads(self.page.locator("#panel pre").first.inner_text())

    def check_that_all_was_well(self) -> None:
        """Fail if the browser logged something, or a request left this server."""
        assert self.complaints == []
        assert {address for address in self.addresses if not self._is_ours(address)} == set()

    def _is_ours(self, address: str) -> bool:
        return address.startswith((self.server.url + "/", "data:"))


Visit = Callable[..., User]  # the fixture `visit`


def find_row(stored: Stored, uid: str, sandbox: str) -> dict[str, Any]:
    """Return whether a conversation is archived, and the owner's follow-up, if there is one."""
    return stored.row(
        """SELECT conversation.archived, follow_up_state, follow_up_date, follow_up_message
           FROM conversation JOIN business ON business.id = conversation.business_id
           JOIN sandbox ON sandbox.id = sandbox_id
           LEFT JOIN collaborator ON conversation.id = conversation_id AND collaborator.staff_id
               = (SELECT id FROM staff WHERE full_name = 'Ram Almog' AND business_id = business.id)
           WHERE conversation.uid = ? AND sandbox.name LIKE ?""",
        uid,
        sandbox,
    )


def find_follow_up(stored: Stored, uid: str, sandbox: str = "browser") -> tuple[Any, ...] | None:
    """Return the owner's stored follow-up: its state, date and message."""
    _, *follow_up = find_row(stored, uid, sandbox).values()
    return tuple(follow_up) if follow_up[0] else None


def is_archived(stored: Stored, uid: str, sandbox: str = "browser") -> bool:
    return bool(find_row(stored, uid, sandbox)["archived"])
