"""The page at / by keyboard, for screen readers, in narrow windows and frames, without controls."""

import shutil
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from support.browser import CHROMIUM, User, is_archived
from support.constants import OVERDUE, ROOT, UID
from support.npm import install_packages, run
from support.servers import Server
from support.stored import Stored

PACKAGES = ROOT / "tests" / "node_modules"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The page's tests need {CHROMIUM}."),
]


@pytest.fixture(scope="module")
def checks() -> None:
    """Install what checks the page, once."""
    if shutil.which("npm") is None:
        pytest.skip("The checks of the page need node and npm.")
    install_packages()


def test_page_works_by_keyboard(user: User, stored: Stored) -> None:
    keyboard = user.page.keyboard
    keyboard.press("j")
    first = user.page.locator("#list button").first
    expect(first).to_be_focused()
    keyboard.press("j")
    keyboard.press("k")
    keyboard.press("Enter")
    expect(user.page.locator("#who")).to_have_text("Aviv Katz")
    keyboard.press("u")
    user.see_that_it_said("Marked as read")
    keyboard.press("r")
    keyboard.type("fine")
    keyboard.press("Control+Enter")
    user.see_that_it_said("Sent to the client")
    keyboard.press("Escape")
    keyboard.press("f")
    expect(user.page.locator("#follow-up")).to_be_visible()
    keyboard.press("Escape")
    expect(user.page.locator("#edit")).to_be_focused()
    keyboard.press("?")
    expect(user.page.locator("#keys")).to_be_visible()
    keyboard.press("Escape")
    keyboard.press("Escape")
    expect(user.page.locator("#thread")).to_be_hidden()
    expect(first).to_be_focused()
    keyboard.press("j")
    expect(user.page.locator(f'[data-uid="{UID}"]')).not_to_be_focused()
    second = user.page.locator("#list button").nth(1)
    uid = second.get_attribute("data-uid") or ""
    keyboard.press("e")
    user.see_that_it_said("Archived")
    expect(user.page.locator("#list button")).to_have_count(24)
    assert is_archived(stored, uid)
    expect(user.page.locator("#list button").nth(1)).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_no_violations(
    browser: Browser, server: Server, checks: None, scheme: str, width: int
) -> None:
    window = {"width": width, "height": 800}
    user = User(browser, server, color_scheme=scheme, viewport=window, bypass_csp=True)
    user.reset()
    user.go()

    def check() -> None:
        user.page.add_script_tag(path=PACKAGES / "axe-core" / "axe.min.js")
        result = user.page.evaluate("axe.run({resultTypes: ['violations']})")
        found = [
            (each["id"], [(node["target"], node["failureSummary"]) for node in each["nodes"]])
            for each in result["violations"]
        ]
        assert found == []

    check()
    user.open(OVERDUE)
    user.click("Mark unread")
    user.see_that_it_said("Marked as unread")
    check()
    if width == 375:
        for view in ("Requests", "Sandbox"):
            user.click(view)
            check()
        user.click("Messages")
    user.click("Follow up")
    check()
    user.page.fill("#date", "2020-01-01")
    user.click("Save")
    user.see("#follow-up .problem", "Time has already passed.")
    check()
    user.context.close()


def test_modules_pass_the_type_checker(checks: None) -> None:
    run(PACKAGES / ".bin" / "tsc", cwd=ROOT / "tests" / "page")


def test_page_works_without_the_admin_api(browser: Browser, stored: Stored) -> None:
    server = Server(stored.path, FLASK_ADMIN_API="0")
    user = User(browser, server)
    user.go("default")
    user.see("#no-controls", "The controls are off (FLASK_ADMIN_API=0)")
    user.open(UID)
    user.click("Archive")
    expect(user.page.locator("#list button")).to_have_count(24)
    user.see("#sent", '"archived": true')
    user.context.close()
    server.stop()


def test_narrow_windows_show_one_pane(browser: Browser, server: Server) -> None:
    user = User(browser, server, viewport={"width": 375, "height": 800})
    user.reset()
    user.go()
    expect(user.page.locator("#conversation")).to_be_hidden()
    user.open(UID)
    expect(user.page.locator("#inbox")).to_be_hidden()
    user.click("‹ Back")
    expect(user.page.locator("#inbox")).to_be_visible()
    assert user.page.evaluate("document.documentElement.scrollWidth") == 375
    user.context.close()


def test_frame_ancestors_allow_another_site_to_embed_the_page(
    browser: Browser, stored: Stored, tmp_path: Any
) -> None:
    server = Server(stored.path, FLASK_FRAME_ANCESTORS="'self' http://localhost:*")
    user = User(browser, server)
    site = server.url.replace("127.0.0.1", "localhost")
    user.page.goto(f"{site}/__admin/health")
    user.page.set_content(f'<iframe src="{server.url}/?sandbox=docs&as=demo-owner"></iframe>')
    frame = user.page.frame_locator("iframe")
    expect(frame.locator("#list button").first).to_be_attached()
    expect(frame.locator("#sandbox-name")).to_have_text("docs")
    user.context.close()
    server.stop()
