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


def count_messages(stored: Stored, text: str) -> int:
    return len(stored.rows("SELECT id FROM message WHERE text = ?", text))


def test_a_second_click_sends_nothing_while_the_first_waits(user: User, stored: Stored) -> None:
    user.open(UID)
    user.page.select_option("#fault", "delay=2000")
    user.page.fill("#text", "only once")
    user.click("Send")
    user.click("Send")
    user.see_that_it_said("The last one is still under way")
    user.see("#messages .bubble >> nth=-1", "only once")
    expect(user.page.locator("#text")).to_have_value("")
    assert count_messages(stored, "only once") == 1


def test_a_late_response_leaves_another_dialog_open(user: User) -> None:
    user.open(FOLLOWED)
    user.page.select_option("#fault", "delay=2000")
    user.click("Follow up")
    user.page.fill("#note", "a late one")
    user.click("Save")
    user.page.keyboard.press("Escape")
    user.open(UID)
    user.click("Follow up")
    user.page.fill("#note", "another one")
    user.see_that_it_said("Follow-up changed")
    expect(user.page.locator("#follow-up")).to_be_visible()
    expect(user.page.locator("#note")).to_have_value("another one")


def test_the_tour_goes_on_after_an_error(user: User, stored: Stored) -> None:
    user.click("Take the tour")
    user.see("#tour", "row 1 of 6")
    expect(user.page.locator("#staff")).to_be_disabled()
    expect(user.page.locator("#new-sandbox")).to_be_disabled()
    user.page.select_option("#fault", "code=503")
    user.click("Send it")
    user.see("#problem", "The server's log says why. (503)")
    user.click("Try again")
    user.page.click("#tour .primary:has-text('Next row')")
    user.see("#tour", "row 2 of 6")
    user.click("End the tour")
    user.see("#sandbox-name", "browser")
    expect(user.page.locator("#staff")).to_be_enabled()
    wait_until(lambda: not stored.rows("SELECT name FROM sandbox WHERE name LIKE 'tour-%'"))
    assert find_sandbox(stored, "browser")


def test_what_somebody_typed_is_theirs(user: User) -> None:
    user.open(UID)
    user.page.fill("#text", "the owner's")
    user.page.focus("#staff")
    user.page.select_option("#staff", "demo-colleague")
    user.see("#nothing-open", "No conversation is open")
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
    expect(user.page.locator(f'#list [data-uid="{UID}"] .late')).to_be_visible()


def test_a_place_in_a_long_conversation_is_kept(user: User, server: Server) -> None:
    messages = [{"from": "client", "text": f"line {number}"} for number in range(200)]
    conversations = [{"uid": "long000000000001", "client": "Ann", "messages": messages}]
    token = "demo-owner@browser"
    server.ask(token, "PUT", "/__admin/state", {"conversations": conversations})
    user.open("long000000000001")
    lines = user.page.locator("#messages li")
    scroller = user.page.locator("#scroller")
    expect(lines).to_have_count(50)
    scroller.evaluate("each => each.scrollTop = 0")
    expect(lines).to_have_count(100)
    place = scroller.evaluate("each => each.scrollTop")
    assert place > 1000  # what was seen before is still in view
    server.ask(token, "POST", "/__admin/clock/advance", {"seconds": 3600})
    user.see("#clock", "11:30 AM")
    user.page.wait_for_timeout(500)
    expect(lines).to_have_count(100)
    assert abs(scroller.evaluate("each => each.scrollTop") - place) < 100


def test_what_was_read_stays_while_the_server_is_away(browser: Browser, stored: Stored) -> None:
    server = Server(stored.path)
    user = User(browser, server)
    user.reset()
    user.go()
    user.open(OVERDUE)
    expect(user.page.locator("#clock")).not_to_be_empty()
    expect(user.page.locator("#staff")).not_to_be_empty()
    clock = user.page.locator("#clock").inner_text()
    staff = user.page.locator("#staff").inner_text()
    server.stop(signal.SIGINT)
    user.see("#list-note", "The server can’t be reached.")
    assert user.page.locator("#clock").inner_text() == clock
    assert user.page.locator("#staff").inner_text() == staff
    expect(user.page.locator("#messages li").first).to_be_visible()
    again = Server(stored.path, PORT=str(server.port))
    user.click("Archive")
    user.see_that_it_said("Archived")
    expect(user.page.locator("#list-note")).not_to_contain_text("reached")
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
    user.click("Save")
    user.see_that_it_said("Follow-up set")
    follow_up = find_follow_up(stored, UID)
    assert follow_up and follow_up[0] == "active"
    assert {address for address in user.addresses if "/vcita/" not in address} <= {
        address for address in user.addresses if address.startswith("data:")
    }
    user.page.get_by_role("link", name="API reference").click()
    expect(user.page.locator(".opblock").first).to_be_visible()
    user.page.get_by_role("link", name="The page").click()
    expect(user.page.locator("#list button").first).to_be_visible()
    user.check_that_all_was_well()
