"""The page at /, as people use it in a browser."""

import json
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect

from conversations.folders import FOLDERS
from followups import FollowUp, change_follow_up
from models import FollowUpState
from support.browser import CHROMIUM, User, find_follow_up, is_archived, wait_until
from support.constants import COLLEAGUES, DUE_TODAY, FOLLOWED, JANE, OVERDUE, UID
from support.stored import Stored

SCRIPT = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
TOKEN = "demo-owner@browser"
TOMORROW = "2026-05-06 10:31:00.000000"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The page's tests need {CHROMIUM}."),
]


def test_each_rule_does_what_its_row_says(user: User, stored: Stored) -> None:
    rows = [
        (2, {"follow_up": True}, ("active", None, ""), False),
        (3, {"follow_up": True}, ("active", None, ""), False),
        (1, {}, ("active", None, ""), False),
        (4, {"follow_up": True, "archived": True}, ("removed", None, ""), True),
        (6, {"follow_up": False}, ("removed", None, ""), True),
        (5, {"follow_up": False}, ("removed", None, ""), False),  # after a PUT that creates one
    ]
    for number, body, follow_up, archived in rows:
        user.page.click(f'[data-rule="{number}"]')
        expect(user.page.locator("tr.lit")).to_have_attribute("data-rule", str(number))
        user.see("#outcome-title", f"Rule {number}")
        user.click("Send to Jane")
        user.see("#rule-result", f"rule {number}.")
        assert user.sent() == body
        assert (find_follow_up(stored, UID), is_archived(stored, UID)) == (follow_up, archived)
    user.click("History")
    titles = user.page.locator("#recent .entry > b:not(.target b)").all_inner_texts()
    assert titles[:2] == ["Rule 5: Remove · Jane Smith", "Prepare · Jane Smith"]
    expect(user.page.locator("#switches [value=none]")).to_be_disabled()  # no PUT leads there
    user.check_that_all_was_well()


def test_the_switches_show_what_the_server_does(user: User) -> None:
    for follow_up, archived, complete in product(("absent", "true", "false"), repeat=3):
        values = {"follow_up": follow_up, "archived": archived, "complete_follow_up": complete}
        sent = {name: value == "true" for name, value in values.items() if value != "absent"}
        for name, value in values.items():
            user.page.locator(f"#switches [name={name}][value={value}]").check(force=True)
        for state in FollowUpState:
            user.page.locator(f"#switches [name=now][value={state}]").check(force=True)
            result = change_follow_up(FollowUp(state), sent) or FollowUp()
            expect(user.page.locator("#outcome-title .chip").last).to_have_text(result.state)
    assert user.page.locator("#outcome-json").inner_text() == (
        '{"follow_up": false, "archived": false, "complete_follow_up": false}'
    )


def test_an_action_lights_its_rule(user: User) -> None:
    user.open(FOLLOWED)
    user.see("#strip", "Follow-up now: active")
    user.page.hover("[data-field=archived]")
    user.see("#strip", 'Rule 1: Nothing{"archived": true}')
    user.page.focus("#edit")
    user.see("#strip", "Rule 3: Update")
    user.page.click("#strip")
    expect(user.page.locator("#rules")).to_be_visible()
    expect(user.page.locator("#send-rule")).to_have_text("Send to Omer")


def test_the_dialog_says_what_it_sends(user: User, stored: Stored) -> None:
    user.open(UID)
    user.click("Follow up")
    user.see("#zone", "Asia/Jerusalem, now Tue, May 5, 10:30 AM")
    user.see("#match", "Rule 2 of 6: Create")
    user.page.fill("#note", "call back")
    expect(user.page.locator("#becomes-note")).to_be_visible()
    user.page.click("[data-quick=tomorrow]")
    expect(user.page.locator("#becomes-note")).to_be_hidden()
    user.see("#will-send", '"follow_up_date": "2026-05-06T06:00:00Z"')
    user.page.fill("#time", "13:31")
    user.page.keyboard.press("Control+Enter")
    user.see("#reminder b", "Reminder set for tomorrow at 1:31 PM")
    date = {"follow_up_date": "2026-05-06T10:31:00Z"}
    assert user.sent() == {"follow_up": True, **date, "follow_up_message": "call back"}
    assert find_follow_up(stored, UID) == ("active", TOMORROW, "call back")

    user.click("Follow up")  # update: only what differs is sent
    user.page.fill("#note", "call")
    user.page.get_by_role("button", name="Save").click()
    user.see_toast("Change follow-up · Jane Smith ✓")
    assert user.sent() == {"follow_up": True, "follow_up_message": "call"}

    for uid, button, state in (
        (FOLLOWED, "Mark complete", "completed"),
        (OVERDUE, "Remove", "removed"),
    ):
        user.open(uid)
        user.click("Follow up")
        ending = user.page.locator("#endings button", has_text=button).first
        ending.hover()
        user.see("#match", "Rule 5 of 6: Remove")
        ending.click()
        expect(user.page.locator("#follow-up")).to_be_hidden()
        user.see("#chips", state.capitalize())
        assert find_follow_up(stored, uid) == (state, None, "")
        assert not is_archived(stored, uid)
    user.check_that_all_was_well()


def test_what_leaves_the_list_gives_room_to_the_next(user: User, stored: Stored) -> None:
    user.open(FOLLOWED)
    next_name = user.page.locator(f'li:has([data-uid="{FOLLOWED}"]) + li b').inner_text()
    user.click("Follow up")
    user.page.click("[data-end='Remove and archive']")
    expect(user.page.locator("#name")).to_have_text(next_name)
    assert find_follow_up(stored, FOLLOWED) == ("removed", None, "")
    assert is_archived(stored, FOLLOWED)
    user.open(UID)
    user.click("Archive")
    expect(user.page.locator("#name")).not_to_have_text("Jane Smith")
    user.click("Undo")
    expect(user.page.locator("#name")).to_have_text("Jane Smith")
    assert not is_archived(stored, UID)


def test_the_tour_takes_each_rule_and_leaves_nothing(user: User, stored: Stored) -> None:
    user.click("Learn the rules")
    tour = "tour-%"
    created = ("active", "2030-05-06 10:31:21.000000", "call back")
    rows = [
        (2, UID, created),
        (3, UID, ("active", "2030-05-07 06:00:00.000000", "call back")),
        (4, UID, ("removed", None, "")),
        (1, FOLLOWED, ("active", "2026-05-06 07:30:00.000000", "Ask whether the insurer pays")),
        (5, FOLLOWED, ("completed", None, "")),
        (6, FOLLOWED, ("completed", None, "")),
    ]
    for number, (rule, uid, follow_up) in enumerate(rows, 1):
        user.see("#tour", f"Follow-up rules, {number} of 6")
        expect(user.page.locator("tr.lit")).to_have_attribute("data-rule", str(rule))
        user.click("Send it")
        button = user.page.get_by_role("button", name="Finish" if number == 6 else "Next rule")
        expect(button).to_be_visible()
        assert find_follow_up(stored, uid, sandbox=tour) == follow_up
        button.click()
    user.see("#tour", "curl -X PUT")
    user.click("Back")
    user.see("#tour", "Follow-up rules, 6 of 6")
    user.click("End tour")
    expect(user.page.locator("#sandbox-name")).to_have_text("browser")
    wait_until(lambda: not stored.rows("SELECT name FROM sandbox WHERE name LIKE ?", tour))
    user.check_that_all_was_well()


def test_a_follow_up_is_one_staff_members_own(user: User, browser: Browser, stored: Stored) -> None:
    other = User(browser, user.server)
    other.go(token="demo-colleague")
    other.open(COLLEAGUES)
    other.see("#reminder", "Marked for follow-up")
    user.see(f'[data-uid="{COLLEAGUES}"] .preview', "Home visits")
    user.see("#list", "Noa Levi: ")
    expect(user.page.locator("#list .preview", has_text="You: ").first).to_be_visible()
    user.open(COLLEAGUES)
    expect(user.page.locator("#reminder")).to_be_hidden()
    user.page.select_option("#staff", label="Noa Levi")
    user.open(COLLEAGUES)
    user.see("#reminder", "Marked for follow-up")
    assert user.page.url.endswith("?sandbox=browser&as=demo-colleague")
    assert find_follow_up(stored, COLLEAGUES) is None
    user.page.select_option("#staff", label="Dana Rimon (another business)")
    expect(user.page.locator("#list button")).to_have_count(1)
    other.context.close()
    user.check_that_all_was_well()


def test_the_history_has_clicks_and_the_requests_of_others(user: User) -> None:
    rows = user.page.locator("#list button")
    expect(rows).to_have_count(25)
    user.see("#none", "No requests yet.")
    user.server.put("demo-colleague@browser", FOLLOWED, {"archived": True})
    expect(rows).to_have_count(24)
    expect(user.page.locator("[data-folder=inbox]")).to_have_text("Inbox24")
    user.open(UID)
    user.click("Mark read")
    user.click("History")
    entries = user.page.locator("#recent li:not(.own-read)")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("This page")
    expect(entries.nth(0)).to_contain_text("Mark read · Jane Smith")
    expect(entries.nth(1)).to_contain_text("Python-urllib")
    expect(entries.nth(1)).to_contain_text("Changed archived")
    expect(user.page.locator("#recent .own-read").first).to_be_hidden()
    user.page.check("#show-gets")
    expect(user.page.locator("#recent .own-read").first).to_be_visible()
    entries.nth(1).click()
    assert user.sent() == {"archived": True}
    user.see("#panel", "Bearer demo-colleague@browser")
    user.click("History")
    entries.nth(0).click()
    user.click("Edit and send")
    user.page.fill("#edited", '{"business_unread": true, "typo": 1}')
    user.page.keyboard.press("Control+Enter")
    user.see("#panel", "X-Ignored: typo")
    user.click("Changes")
    user.see("#panel ins", '"business_unread": true')
    user.click("Send again")
    user.see("#panel", "No fields changed.")
    user.check_that_all_was_well()


def test_the_page_knows_what_each_folder_has(user: User) -> None:
    def read(folder: str) -> list[dict[str, Any]]:
        path = f"/v2/conversations?per_page=100&folder={folder}"
        conversations: list[dict[str, Any]] = user.server.ask(TOKEN, "GET", path)[1]["data"]
        return conversations

    everything = read("all")
    for folder in FOLDERS:
        code = f"{json.dumps(everything)}.map(each => module.FOLDERS.{folder}.has(each))"
        found = user.call("inbox.js", code)
        uids = [each["uid"] for each, is_in in zip(everything, found, strict=True) if is_in]
        assert uids == [each["uid"] for each in read(folder)], folder


def test_a_script_is_text(user: User) -> None:
    message = {"client_id": JANE, "text": SCRIPT, "direction": "client_to_business"}
    titled = message | {"conversation_title": SCRIPT[:255], "text": SCRIPT}
    for each in (message, titled):
        user.server.ask(TOKEN, "POST", "/platform/v1/messages", {"message": each})
    user.server.ask(TOKEN, "GET", "/v2/conversations", **{"User-Agent": SCRIPT})
    user.open(UID)
    user.see("#messages .bubble >> nth=-1", SCRIPT)
    user.click("Follow up")
    user.page.fill("#note", SCRIPT)
    user.page.get_by_role("button", name="Save").click()
    user.see("#reminder", SCRIPT)
    user.click("History")
    expect(user.page.locator("#recent .entry", has_text="onerror")).not_to_have_count(0)
    expect(user.page).to_have_title("Conversations · mock server")
    assert user.page.locator("img").count() == 0
    user.check_that_all_was_well()


@pytest.mark.parametrize("fault", ["code=503", "delay=2000", "code=500"])
def test_what_was_typed_survives_an_error(user: User, stored: Stored, fault: str) -> None:
    user.open(UID)
    user.page.select_option("#fault", fault)
    expect(user.page.locator("#simulate.armed")).to_be_visible()
    user.page.type("#text", "See you on Thursday")
    user.click("Send")
    if fault.startswith("delay"):
        expect(user.page.locator("#progress")).to_be_visible()
        user.click("Send")
        user.see_toast("Still waiting for the previous request")
    else:
        user.see("#problem", f"Simulated {fault[-3:]}. Nothing was saved.")
        expect(user.page.locator("#text")).to_have_value("See you on Thursday")
        user.click("Try again")
    user.see("#messages .bubble >> nth=-1", "See you on Thursday")
    expect(user.page.locator("#messages .bubble").last).to_be_in_viewport()
    expect(user.page.locator("#text")).to_have_value("")
    expect(user.page.locator("#problem")).to_be_hidden()
    expect(user.page.locator("#fault")).to_have_value("")
    assert len(stored.rows("SELECT id FROM message WHERE text = 'See you on Thursday'")) == 1


def test_an_error_in_the_dialog_stays_in_the_dialog(user: User) -> None:
    user.open(UID)
    user.click("Follow up")
    user.page.fill("#date", "2020-01-01")
    user.page.fill("#note", "too late")
    user.page.get_by_role("button", name="Save").click()
    user.see("#follow-up .problem", "Time has already passed. (422)")
    expect(user.page.locator("#note")).to_have_value("too late")
    user.page.fill("#date", "2026-05-08")
    user.page.get_by_role("button", name="Save").click()
    user.see("#reminder", "May 8, 2026 at 9:00 AM")


def test_the_clock_and_the_sandbox(user: User, stored: Stored) -> None:
    chip = user.page.locator(f'[data-uid="{DUE_TODAY}"] .chip')
    expect(chip).to_have_text("Follow-up today at 12:30 PM")
    user.page.click("#clock-button")
    user.click("+1 day")
    user.see_toast("Clock moved 1 day ahead and frozen ✓")
    expect(chip).to_have_text("Overdue yesterday at 12:30 PM")
    user.see("#clock", "Wed, May 6, 10:30 AM")
    user.click("Resume")
    user.see("#clock-state", "running")
    user.page.keyboard.press("Escape")
    user.page.click("#sandbox-button")
    user.click("Reset to demo data")
    user.see_toast("Reset to demo data ✓")
    expect(chip).to_contain_text("Follow-up ")
    user.click("Undo")
    user.see_toast("Undo reset ✓")
    expect(chip).to_contain_text("Overdue May 5, 2026")
    user.page.click("#sandbox-button")
    user.click("New sandbox")
    expect(user.page.locator("#sandbox-name")).not_to_have_text("browser")
    expect(user.page.locator("#list button")).to_have_count(25)
    assert "?sandbox=demo-" in user.page.url
    user.page.click("#sandbox-button")
    user.click("browser")
    expect(user.page.locator("#sandbox-name")).to_have_text("browser")


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("America/Santiago", "2026-09-06T00:30", "2026-09-06T01:30"),  # the clocks skip it
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T03:30"),
        ("Asia/Jerusalem", "2026-03-27T02:30", "2026-03-27T03:30"),
        ("Asia/Jerusalem", "2026-05-06T13:31", "2026-05-06T13:31"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T01:30"),  # twice: the first
        ("America/New_York", "2026-11-01T00:30", "2026-11-01T00:30"),
        ("America/New_York", "2026-11-01T03:00", "2026-11-01T03:00"),
        ("Pacific/Apia", "2026-05-06T00:00", "2026-05-06T00:00"),
    ],
)
def test_a_local_time_that_the_clocks_skip_is_an_hour_later(
    user: User, zone: str, local: str, expected: str
) -> None:
    date, clock = local.split("T")
    milliseconds = user.call("times.js", f"module.timeOf('{date}', '{clock}', '{zone}')")
    found = datetime.fromtimestamp(milliseconds / 1000, ZoneInfo(zone))
    assert found.replace(tzinfo=None) == datetime.fromisoformat(expected)
    assert found.fold == 0
    assert found.utcoffset() != timedelta(0)


def test_a_request_can_be_copied_whatever_it_has_in_it(user: User) -> None:
    strange = 'it\'s "${1}" `2`\\\n</script>'
    headers = {"Authorization": "Bearer o'k\"`${x}`"}
    exchange = {"method": "PUT", "path": "v2/o'k", "headers": headers, "body": {"text": strange}}
    text = user.call("api.js", f"module.asFetch({json.dumps(exchange)})")
    url, options = user.page.evaluate(
        f"async () => {{ const fetch = async (...sent) => sent; return {text.rstrip(';')} }}"
    )
    assert url == f"{user.server.url}/v2/o'k"
    assert options["method"] == "PUT" and options["headers"] == headers
    assert json.loads(options["body"]) == {"text": strange}
    assert (
        user.call("api.js", "module.pathOf('a/b?c#d %')") == "v2/conversations/a%2Fb%3Fc%23d%20%25"
    )


def test_long_lists_and_conversations_keep_their_place(user: User) -> None:
    messages = [{"from": "client", "text": f"line {number}"} for number in range(200)]
    conversations: list[dict[str, Any]] = [
        {"uid": f"many{number:012}", "client": f"Ann {number}", "messages": messages[:1]}
        for number in range(120)
    ]
    conversations[60]["messages"] = messages
    user.server.ask(TOKEN, "PUT", "/__admin/state", {"conversations": conversations})
    rows = user.page.locator("#list button")
    for count in (50, 100, 120):
        expect(rows).to_have_count(count)
        user.page.locator("#list-note").scroll_into_view_if_needed()
    rows.nth(60).scroll_into_view_if_needed()
    place = user.page.locator("#scroll-list").evaluate("each => each.scrollTop")
    assert place > 1000
    user.open("many000000000060")
    user.click("Mark unread")
    user.see_toast("Mark unread · Ann 60 ✓")
    assert user.page.locator("#scroll-list").evaluate("each => each.scrollTop") == place
    lines = user.page.locator("#messages li")
    expect(lines).to_have_count(50)
    expect(lines.last).to_be_in_viewport()
    scroller = user.page.locator("#scroller")
    scroller.evaluate("each => each.scrollTop = 0")
    expect(lines).to_have_count(100)
    place = scroller.evaluate("each => each.scrollTop")
    assert place > 1000  # what was seen before is still in view
    user.server.ask(TOKEN, "POST", "/__admin/clock/advance", {"seconds": 3600})
    user.see("#clock", "11:30 AM")
    user.page.wait_for_timeout(500)
    expect(lines).to_have_count(100)
    assert abs(scroller.evaluate("each => each.scrollTop") - place) < 100
    user.page.keyboard.press("/")
    user.page.keyboard.type("ann 11")
    expect(rows).to_have_count(11)
    user.check_that_all_was_well()
