"""The page at / when clicks, clocks and servers get in each other's way."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from support.browser import CHROMIUM, User, find_follow_up, find_sandbox, wait_until
from support.constants import FOLLOWED, OVERDUE, UID
from support.servers import Server
from support.stored import Stored

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The page's tests need {CHROMIUM}."),
]


def test_a_late_response_leaves_another_dialog_open(user: User) -> None:
    user.open(FOLLOWED)
    user.page.select_option("#fault", "delay=2000")
    user.click("Follow up")
    user.page.fill("#note", "a late one")
    user.page.keyboard.press("Control+Enter")
    user.page.keyboard.press("Escape")
    user.open(UID)
    user.click("Follow up")
    user.page.fill("#note", "another one")
    user.see_toast("Change follow-up · Omer Mizrahi ✓")
    expect(user.page.locator("#follow-up")).to_be_visible()
    expect(user.page.locator("#note")).to_have_value("another one")


def test_the_tour_goes_on_after_an_error(user: User, stored: Stored) -> None:
    user.click("Learn the rules")
    user.see("#tour", "1 of 6")
    expect(user.page.locator("#staff")).to_be_disabled()
    expect(user.page.locator("#sandbox-button")).to_be_disabled()
    user.page.select_option("#fault", "code=503")
    user.click("Send it")
    user.see("#problem", "Simulated 503. Nothing was saved.")
    user.click("Send it")
    user.click("Next rule")
    user.see("#tour", "2 of 6")
    user.click("Back")
    user.see("#tour", "1 of 6")
    user.click("Send it")  # which removes the follow-up first, since one is active
    user.click("Next rule")
    user.click("End tour")
    expect(user.page.locator("#sandbox-name")).to_have_text("browser")
    expect(user.page.locator("#staff")).to_be_enabled()
    wait_until(lambda: not stored.rows("SELECT name FROM sandbox WHERE name LIKE 'tour-%'"))
    assert find_sandbox(stored, "browser")


def test_what_somebody_typed_is_theirs(user: User) -> None:
    user.open(UID)
    user.page.fill("#text", "the owner's")
    user.page.focus("#staff")
    user.page.select_option("#staff", "demo-colleague")
    expect(user.page.locator("#rules")).to_be_visible()
    expect(user.page.locator("#staff")).to_be_focused()
    user.open(UID)
    expect(user.page.locator("#text")).to_have_value("")
    user.page.select_option("#staff", "demo-owner")
    user.open(UID)
    expect(user.page.locator("#text")).to_have_value("the owner's")


def test_a_reminder_becomes_overdue_while_one_looks(user: User, server: Server) -> None:
    token = "demo-owner@browser"
    server.ask(token, "DELETE", "/__admin/clock")
    date = datetime.now(UTC) + timedelta(seconds=4)
    fields = {"follow_up": True, "follow_up_date": date.isoformat()}
    assert server.ask(token, "PUT", f"/v2/conversations/{UID}", fields)[0] == 200
    user.open(UID)
    user.see("#reminder", "Reminder set for today")
    expect(user.page.locator("#reminder")).to_contain_text("Reminder was due today", timeout=9000)
    expect(user.page.locator(f'#list [data-uid="{UID}"] .overdue')).to_be_visible()


def test_a_refused_token_is_named_once(browser: Browser, server: Server) -> None:
    user = User(browser, server)
    user.page.goto(f"{server.url}/?sandbox=browser&as=nobody")
    user.see("#list-note", "(401). Choose someone under Acting as.")
    user.page.wait_for_timeout(3500)
    asked = [address for address in user.addresses if "/__admin/requests" in address]
    assert len(asked) == 1
    user.page.select_option("#staff", "demo-owner")
    expect(user.page.locator("#list button")).to_have_count(25)
    user.context.close()


def test_what_was_read_stays_while_the_server_is_offline(browser: Browser, stored: Stored) -> None:
    server = Server(stored.path)
    user = User(browser, server)
    user.reset()
    user.go()
    user.open(OVERDUE)
    expect(user.page.locator("#clock")).not_to_be_empty()
    clock = user.page.locator("#clock").inner_text()
    staff = user.page.locator("#staff").inner_text()
    server.stop(signal.SIGINT)
    user.see("#list-note", "Server offline. Is `make run` still running?")
    assert user.page.locator("#clock").inner_text() == clock
    assert user.page.locator("#staff").inner_text() == staff
    expect(user.page.locator("#messages li").first).to_be_visible()
    again = Server(stored.path, PORT=str(server.port))
    user.click("Archive")
    user.see_toast("Archive · Rivka Salomon ✓")
    expect(user.page.locator("#list-note")).not_to_contain_text("offline")
    user.context.close()
    again.stop()


@pytest.fixture
def under_a_prefix(browser: Browser, stored: Stored) -> Iterator[User]:
    server = Server(stored.path, SCRIPT_NAME="/vcita")
    user = User(browser, server)
    yield user
    user.context.close()
    server.stop()


def test_the_page_works_under_a_prefix(under_a_prefix: User, stored: Stored) -> None:
    user = under_a_prefix
    user.page.goto(f"{user.server.url}/vcita/?sandbox=browser")
    user.open(UID)
    user.click("Follow up")
    user.page.click("[data-quick=week]")
    user.page.keyboard.press("Control+Enter")
    user.see_toast("Set follow-up · Jane Smith ✓")
    follow_up = find_follow_up(stored, UID)
    assert follow_up and follow_up[0] == "active"
    assert [
        each for each in user.addresses if not each.startswith("data:") and "/vcita/" not in each
    ] == []
    user.page.get_by_label("More").click()
    user.page.get_by_role("link", name="API reference").click()
    expect(user.page.locator(".opblock").first).to_be_visible()
    user.page.get_by_role("link", name="Live inbox").click()
    expect(user.page.locator("#list button").first).to_be_visible()
    user.check_that_all_was_well()
