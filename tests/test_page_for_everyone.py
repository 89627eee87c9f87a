"""The page at / for everyone: by keyboard, with a screen reader, on phones and in frames."""

import pytest
from playwright.sync_api import Browser, expect

from support.browser import NEEDS_BROWSER, User, Visit, is_archived
from support.commands import check_run, install_packages, needs
from support.constants import OVERDUE, ROOT, UID
from support.servers import Server
from support.stored import Stored

PACKAGES = ROOT / "tests" / "node_modules"
pytestmark = NEEDS_BROWSER


def test_page_works_by_keyboard(user: User, stored: Stored) -> None:
    rows = user.page.locator("#list button")
    user.press("j")
    expect(rows.first).to_be_focused()
    user.press("ArrowDown", "k", "Enter")
    expect(user.page.locator("#name")).to_have_text("Aviv Katz")
    user.press("u")
    user.see_toast("Mark read · Aviv Katz ✓")
    user.press("r", "f", "Control+Enter")
    user.see_toast("Send message · Aviv Katz ✓")
    user.press("Escape", "f")
    expect(user.page.locator("#follow-up")).to_be_visible()
    user.press("Escape")
    expect(user.page.locator("#edit")).to_be_focused()
    user.press("?")
    expect(user.page.locator("#keys")).to_be_visible()
    user.press("Escape", "Escape")
    expect(user.page.locator("#thread")).to_be_hidden()
    expect(rows.first).to_be_focused()
    user.press("j")
    uid = rows.nth(1).get_attribute("data-uid") or ""
    user.press("e")
    expect(rows).to_have_count(24)
    assert is_archived(stored, uid)
    expect(rows.nth(1)).to_be_focused()
    width = "document.querySelector('#inspector').offsetWidth"
    before = user.page.evaluate(width)
    user.page.focus("#resize")
    user.press("ArrowLeft")
    assert user.page.evaluate(width) == before + 20


@needs("node", "npm")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1024, 375])
def test_axe_finds_no_violations(visit: Visit, scheme: str, width: int) -> None:
    window = {"width": width, "height": 800}
    user = visit(color_scheme=scheme, viewport=window, bypass_csp=True)
    install_packages()

    def check() -> None:
        user.page.add_script_tag(path=PACKAGES / "axe-core" / "axe.min.js")
        result = user.page.evaluate("axe.run({resultTypes: ['violations']})")
        assert [(each["id"], each["nodes"]) for each in result["violations"]] == []

    check()
    user.open(OVERDUE)
    user.click("Mark unread")
    user.see_toast("Mark unread · Rivka Salomon ✓")
    check()
    if width == 375:
        for name in ("Requests", "Settings", "Settings", "Rules"):
            user.click(name)
            check()
    user.page.click("#strip")
    check()
    user.click("Follow up")
    check()
    user.page.fill("#date", "2020-01-01")
    user.press("Control+Enter")
    user.see("#follow-up .problem", "Time has already passed.")
    check()
    user.press("Escape")
    user.click("Learn the rules")
    user.see("#tour", "1 of 6")
    check()


@needs("node", "npm")
def test_modules_pass_the_type_checker() -> None:
    install_packages()
    check_run(PACKAGES / ".bin" / "tsc", cwd=ROOT / "tests" / "page")


def test_page_works_without_the_admin_api(browser: Browser, stored: Stored) -> None:
    with Server(stored.path, FLASK_ADMIN_API="0") as server, User(browser, server) as user:
        user.go("default")
        user.see("#no-admin", "The admin API is off (FLASK_ADMIN_API=0)")
        user.hides("#learn")
        user.open(UID)
        user.click("Archive")
        expect(user.page.locator("#list button")).to_have_count(24)
        user.see("#panel", '"archived": true')


def test_phones_show_one_pane(visit: Visit) -> None:
    user = visit(viewport={"width": 375, "height": 812})
    user.hides("#conversation")
    user.open(UID)
    user.hides("#inbox")
    user.click("‹ Back", "Rules")
    user.shows("#rule-table")
    assert user.page.evaluate("document.documentElement.scrollWidth") == 375


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (800, 500), (640, 400), (375, 667)])
def test_tour_covers_nothing_that_it_explains(visit: Visit, width: int, height: int) -> None:
    user = visit(viewport={"width": width, "height": height})
    user.click("Learn the rules")
    for number in (1, 2, 3):
        user.see("#tour", f"{number} of 6")
        expect(user.page.locator("tr.lit")).to_be_in_viewport(ratio=1)
        row, tour = (user.page.locator(each).bounding_box() for each in ("tr.lit", "#tour"))
        assert row and tour and row["y"] + row["height"] <= tour["y"]
        expect(user.page.get_by_role("button", name="Send it")).to_be_in_viewport(ratio=1)
        user.click("Send it", "Next rule")


def test_frame_ancestors_allow_a_site_to_embed_the_page(browser: Browser, stored: Stored) -> None:
    ancestors = {"FLASK_FRAME_ANCESTORS": "'self' http://localhost:*"}
    with Server(stored.path, **ancestors) as server, User(browser, server) as user:
        user.page.goto(server.url.replace("127.0.0.1", "localhost") + "/__admin/health")
        source = f"{server.url}/?sandbox=docs&as=demo-owner"
        user.page.set_content(f'<iframe width="800" height="500" src="{source}"></iframe>')
        inside = user.page.frame_locator("iframe")
        expect(inside.locator("#rule-table")).to_be_visible()
        expect(inside.locator("#history")).to_be_visible()
        expect(inside.locator("#sandbox-name")).to_have_text("docs")


def test_texts_have_their_own_direction(user: User) -> None:
    message = {"from": "client", "text": "שלום, מתי?"}
    state = {"conversations": [{"uid": "hebrew0000000001", "client": "דנה", "messages": [message]}]}
    user.server.ask("demo-owner@browser", "PUT", "/__admin/state", state)
    user.open("hebrew0000000001")
    for selector in ("#name", "#list b", "#list .preview", ".bubble", ".by b"):
        expect(user.page.locator(selector).first).to_have_css("direction", "rtl")
    user.page.fill("#text", "שלום")
    expect(user.page.locator("#text")).to_have_css("direction", "rtl")
