"""The page at /, as people use it in a browser."""

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from support.browser import CHROMIUM, User, find_follow_up, is_archived, wait_until
from support.constants import COLLEAGUES, DUE_TODAY, FOLLOWED, JANE, OVERDUE, UID
from support.stored import Stored

SCRIPT = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The page's tests need {CHROMIUM}."),
]


def test_every_row_of_the_follow_up_table_by_clicking(user: User, stored: Stored) -> None:
    user.open(UID)
    user.click("Archive")  # without follow_up: nothing
    user.see_that_it_said("Archived")
    assert find_follow_up(stored, UID) is None

    user.click("Follow up")  # create
    user.see("#zone", "Times are in the zone Asia/Jerusalem, where it is Tue, May 5, 10:30 AM.")
    user.page.click("[data-quick=tomorrow]")
    user.page.fill("#note", "call back")
    user.click("Save")
    user.see("#reminder", "Reminder set for tomorrow at 9:00 AM")
    expected = ("active", "2026-05-06 06:00:00.000000", "call back")
    assert find_follow_up(stored, UID) == expected
    assert not is_archived(stored, UID)

    user.click("Follow up")  # update: only what differs is sent
    user.page.fill("#time", "13:31")
    user.click("Save")
    user.see("#reminder", "Reminder set for tomorrow at 1:31 PM")
    assert user.sent() == {"follow_up": True, "follow_up_date": "2026-05-06T10:31:00Z"}
    expected = ("active", "2026-05-06 10:31:00.000000", "call back")
    assert find_follow_up(stored, UID) == expected

    user.click("Follow up")  # remove, whatever its state
    user.click("Dismiss")
    user.see_that_it_said("Dismissed and archived")
    assert find_follow_up(stored, UID) == ("removed", None, "")
    assert is_archived(stored, UID)

    for uid, button, state in ((FOLLOWED, "Complete", "completed"), (OVERDUE, "Remove", "removed")):
        user.open(uid)
        user.click("Follow up")
        user.click(button)
        expect(user.page.locator("#follow-up")).to_be_hidden()
        expect(user.page.locator("#reminder")).to_be_hidden()
        assert find_follow_up(stored, uid) == (state, None, "")
        assert not is_archived(stored, uid)
    user.check_that_all_was_well()


def test_the_tour_takes_each_row_and_leaves_nothing(user: User, stored: Stored) -> None:
    user.click("Take the tour")
    tour = "tour-%"
    rows = [
        ("nothing", UID, None),
        ("create", UID, ("active", "2026-05-06 10:31:21.000000", "call back about pricing")),
        ("update", UID, ("active", "2026-05-07 06:00:00.000000", "call back about pricing")),
        ("remove", UID, ("removed", None, "")),
        ("remove", FOLLOWED, ("completed", None, "")),
        ("nothing", FOLLOWED, ("completed", None, "")),
    ]
    for number, (action, uid, follow_up) in enumerate(rows, 1):
        user.see("#tour", f"row {number} of 6")
        expect(user.page.locator("#tour td").last).to_have_text(action)
        user.click("Send it")
        expect(user.page.locator("#tour [role=status]")).not_to_be_empty()
        assert find_follow_up(stored, uid, sandbox=tour) == follow_up
        user.page.click("#tour .primary")
    user.see("#sandbox-name", "browser")
    wait_until(lambda: not stored.rows("SELECT name FROM sandbox WHERE name LIKE ?", tour))
    user.check_that_all_was_well()


def test_the_example_of_vcita_at_a_fixed_time(user: User) -> None:
    user.open(UID)
    user.click("Follow up")
    user.page.fill("#date", "2026-05-06")
    user.page.fill("#time", "13:31")
    user.page.fill("#note", "call back about pricing")
    user.click("Save")
    user.see("#reminder b", "Reminder set for tomorrow at 1:31 PM")
    user.see("#sent ins >> nth=0", '"follow_up": true')
    assert user.sent() == {
        "follow_up": True,
        "follow_up_date": "2026-05-06T10:31:00Z",
        "follow_up_message": "call back about pricing",
    }


def test_a_follow_up_is_one_staff_members_own(user: User, browser: Browser, stored: Stored) -> None:
    other = User(browser, user.server)
    other.go(token="demo-colleague")
    other.open(COLLEAGUES)
    other.see("#reminder", "Marked for follow-up")
    user.open(COLLEAGUES)
    expect(user.page.locator("#reminder")).to_be_hidden()
    user.page.select_option("#staff", label="Noa Levi")
    user.open(COLLEAGUES)
    user.see("#reminder", "Marked for follow-up")
    assert user.page.url.endswith("?sandbox=browser&as=demo-colleague")
    assert find_follow_up(stored, COLLEAGUES) is None
    user.page.select_option("#staff", label="Dana Rimon")
    expect(user.page.locator("#list button")).to_have_count(1)
    other.context.close()
    user.check_that_all_was_well()


def test_what_others_send_shows_up_within_a_second(user: User) -> None:
    rows = user.page.locator("#list button")
    expect(rows).to_have_count(25)
    begun = time.monotonic()
    user.server.put("demo-colleague@browser", UID, {"archived": True})
    expect(rows).to_have_count(24)
    entry = user.page.locator("#recent li", has_text="archived")
    expect(entry).to_have_count(1)
    assert time.monotonic() - begun < 1.5  # with the server's own time for the write
    expect(entry).to_contain_text("Python-urllib")
    expect(user.page.locator("[data-folder=inbox]")).to_have_text("Inbox24")
    entry.get_by_role("button").click()
    expect(entry.locator("dl")).to_contain_text('{"archived": true}')
    user.check_that_all_was_well()


def test_a_script_is_text(user: User) -> None:
    token = "demo-owner@browser"
    message = {"client_id": JANE, "text": SCRIPT, "direction": "client_to_business"}
    titled = message | {"conversation_title": SCRIPT[:255], "text": SCRIPT}
    for each in (message, titled):
        user.server.ask(token, "POST", "/platform/v1/messages", {"message": each})
    user.server.ask(token, "GET", "/v2/conversations", **{"User-Agent": SCRIPT})
    user.open(UID)
    user.see("#messages .bubble >> nth=-1", SCRIPT)
    user.click("Follow up")
    user.page.fill("#note", SCRIPT)
    user.click("Save")
    user.see("#reminder", SCRIPT)
    expect(user.page.locator("#recent .entry", has_text="onerror")).not_to_have_count(0)
    expect(user.page).to_have_title("Conversations · mock server")
    assert user.page.locator("img").count() == 0
    user.check_that_all_was_well()


@pytest.mark.parametrize("fault", ["code=503", "delay=2000", "code=500"])
def test_what_was_typed_survives_an_error(user: User, stored: Stored, fault: str) -> None:
    user.open(UID)
    user.page.select_option("#fault", fault)
    user.page.fill("#text", "See you on Thursday")
    user.click("Send")
    if fault.startswith("delay"):
        expect(user.page.locator("#progress")).to_be_visible()
    else:
        user.see("#problem", f"({fault[-3:]})")
        expect(user.page.locator("#text")).to_have_value("See you on Thursday")
        user.click("Try again")
    user.see("#messages .bubble >> nth=-1", "See you on Thursday")
    expect(user.page.locator("#text")).to_have_value("")
    expect(user.page.locator("#problem")).to_be_hidden()
    expect(user.page.locator("#fault")).to_have_value("")


def test_an_error_in_the_dialog_stays_in_the_dialog(user: User) -> None:
    user.open(UID)
    user.click("Follow up")
    user.page.fill("#date", "2020-01-01")
    user.page.fill("#note", "too late")
    user.click("Save")
    user.see("#follow-up .problem", "Time has already passed. (422)")
    expect(user.page.locator("#note")).to_have_value("too late")
    user.page.fill("#date", "2026-05-08")
    user.click("Save")
    user.see("#reminder", "May 8, 2026 at 9:00 AM")


def test_the_clock_makes_a_reminder_overdue(user: User) -> None:
    badge = user.page.locator(f'[data-uid="{DUE_TODAY}"] .badge')
    expect(badge).to_have_text("Follow-up today at 12:30 PM")
    user.click("+1 day")
    expect(badge).to_have_text("Overdue yesterday at 12:30 PM")
    user.see("#clock", "Wed, May 6, 10:30 AM")
    user.click("Run")
    user.see("#clock-state", "running")
    user.click("Reset")
    user.see_that_it_said("Reset to the demo data")
    expect(badge).to_contain_text("Follow-up ")


def test_a_new_sandbox_has_a_name_of_its_own(user: User) -> None:
    user.click("New")
    expect(user.page.locator("#sandbox-name")).not_to_have_text("browser")
    expect(user.page.locator("#list button")).to_have_count(25)
    assert "?sandbox=demo-" in user.page.url


def test_a_long_conversation_is_read_as_one_scrolls(user: User) -> None:
    messages = [{"from": "client", "text": f"line {number}"} for number in range(1000)]
    conversations: list[dict[str, Any]] = [
        {"uid": f"many{number:012}", "client": f"Ann {number}", "messages": messages[:1]}
        for number in range(120)
    ]
    conversations[0]["messages"] = messages
    token = "demo-owner@browser"
    status, _ = user.server.ask(token, "PUT", "/__admin/state", {"conversations": conversations})
    assert status == 200
    rows = user.page.locator("#list button")
    expect(rows).to_have_count(50)
    for count in (100, 120):
        rows.last.scroll_into_view_if_needed()
        user.page.locator("#list-note").scroll_into_view_if_needed()
        expect(rows).to_have_count(count)
    user.open("many000000000000")
    lines = user.page.locator("#messages li")
    expect(lines).to_have_count(50)
    expect(lines.last).to_be_in_viewport()
    lines.first.scroll_into_view_if_needed()
    user.page.locator("#scroller").evaluate("each => each.scrollTop = 0")
    expect(lines).to_have_count(100)
    user.check_that_all_was_well()
