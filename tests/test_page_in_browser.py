"""The pages at / and /docs/, as people use them in a browser."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect

from conversations.folders import FOLDERS
from followups import FollowUp, change_follow_up
from models import FollowUpState
from support.browser import NEEDS_BROWSER, User, find_follow_up, is_archived
from support.constants import COLLEAGUES, DUE_TODAY, FOLLOWED, JANE, OVERDUE, UID
from support.servers import Server
from support.stored import Stored

SCRIPT = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
TOKEN = "demo-owner@browser"
ZONES = [  # a zone, a local time, and what it means: an hour later if the clocks skip it
    ("America/Santiago", "2026-09-06T00:30", "2026-09-06T01:30"),
    ("America/New_York", "2026-03-08T02:30", "2026-03-08T03:30"),
    ("Asia/Jerusalem", "2026-03-27T02:30", "2026-03-27T03:30"),
    ("Asia/Jerusalem", "2026-05-06T13:31", "2026-05-06T13:31"),
    ("America/New_York", "2026-11-01T01:30", "2026-11-01T01:30"),  # twice: the first
    ("America/New_York", "2026-11-01T03:00", "2026-11-01T03:00"),
]
pytestmark = NEEDS_BROWSER


def test_each_rule_has_the_effect_of_its_row(user: User, stored: Stored) -> None:
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
        user.click("Send to Jane")
        user.see("#outcome-title", "Rule ", "#rule-result", f"rule {number}.")
        assert user.sent() == body
        assert (find_follow_up(stored, UID), is_archived(stored, UID)) == (follow_up, archived)
    user.click("History")
    titles = user.page.locator("#recent .entry > b").all_inner_texts()
    assert titles[:2] == ["Rule 5: Remove · Jane Smith", "Prepare · Jane Smith"]
    expect(user.page.locator("#switches [value=none]")).to_be_disabled()  # no PUT leads there
    user.check_that_all_was_well()


def test_switches_find_the_rule_of_the_server(user: User) -> None:
    names = ("follow_up", "archived", "complete_follow_up", "now")
    choices = [("absent", "true", "false")] * 3 + [tuple(state.value for state in FollowUpState)]
    switches = [dict(zip(names, values, strict=True)) for values in product(*choices)]
    outcome = "[module.findRule(each).after, module.writeBody(each)]"
    code = f"{json.dumps(switches)}.map((each) => {outcome})"
    for each, (after, body) in zip(switches, user.call("rule-table.js", code), strict=True):
        result = change_follow_up(FollowUp(FollowUpState(each["now"])), body)
        assert result and result.state == after, each
    for name in names[:3]:
        user.page.locator(f"#switches [name={name}][value=true]").check(force=True)
    user.see("#outcome-title", "Rule 4: Remove and archive", "#outcome-title", "none → none")
    expected = {name: True for name in names[:3]}
    assert json.loads(user.page.locator("#outcome-json").inner_text()) == expected


def test_action_highlights_its_rule(user: User) -> None:
    user.open(FOLLOWED)
    user.see("#strip", "Follow-up now: active")
    user.page.hover("[data-field=archived]")
    user.see("#strip", 'Rule 1: Nothing{"archived": true}')
    user.page.focus("#edit")
    user.see("#strip", "Rule 3: Update")
    user.page.click("#strip")
    user.shows("#rules")
    user.see("#send-rule", "Send to Omer", "tr.lit", "active")


def test_dialog_shows_its_request(user: User, stored: Stored) -> None:
    user.open(UID)
    user.click("Follow up")
    user.see("#zone", "Asia/Jerusalem, now Tue, May 5, 10:30 AM", "#match", "Rule 2 of 6: Create")
    user.page.fill("#note", "call back")
    user.shows("#becomes-note")
    user.page.click("[data-quick=tomorrow]")
    user.hides("#becomes-note")
    user.see("#will-send", '"follow_up_date": "2026-05-06T06:00:00Z"')
    user.page.fill("#time", "13:31")
    user.press("Control+Enter")
    user.see("#reminder b", "Reminder set for tomorrow at 1:31 PM")
    date = {"follow_up_date": "2026-05-06T10:31:00Z"}
    assert user.sent() == {"follow_up": True, **date, "follow_up_message": "call back"}
    stored_date = "2026-05-06 10:31:00.000000"
    assert find_follow_up(stored, UID) == ("active", stored_date, "call back")

    user.click("Follow up")  # an error is shown in the dialog, and what was typed stays
    user.page.fill("#date", "2020-01-01")
    user.page.fill("#note", "call")
    user.press("Control+Enter")
    user.see("#follow-up .problem", "Time has already passed. (422)")
    user.page.fill("#date", "2026-05-06")
    user.press("Control+Enter")
    user.see_toast("Change follow-up · Jane Smith ✓")
    assert user.sent() == {"follow_up": True, "follow_up_message": "call"}  # only what differs

    for uid, name, state in ((FOLLOWED, "Complete", "completed"), (OVERDUE, "Remove", "removed")):
        user.open(uid)
        user.click("Follow up")
        user.page.hover(f"[data-end='{name} follow-up']")
        user.see("#match", "Rule 5 of 6: Remove")
        user.page.click(f"[data-end='{name} follow-up']")
        user.hides("#follow-up")
        user.see("#chips", state.capitalize())
        assert find_follow_up(stored, uid) == (state, None, "")
        assert not is_archived(stored, uid)


def test_removed_row_is_replaced_by_the_next(user: User, stored: Stored) -> None:
    user.open(FOLLOWED)
    next_name = user.page.locator(f'li:has([data-uid="{FOLLOWED}"]) + li b').inner_text()
    user.click("Follow up")
    user.page.click("[data-end='Remove and archive']")
    user.see("#name", next_name)
    assert find_follow_up(stored, FOLLOWED) == ("removed", None, "")
    assert is_archived(stored, FOLLOWED)
    user.open(UID)
    user.click("Archive")
    expect(user.page.locator("#name")).not_to_have_text("Jane Smith")
    user.click("Undo")
    user.see("#name", "Jane Smith")
    assert not is_archived(stored, UID)


def test_tour_visits_each_rule_and_leaves_no_data(user: User, stored: Stored) -> None:
    user.click("Learn the rules")
    rows = [
        (2, UID, ("active", "2030-05-06 10:31:21.000000", "call back")),
        (3, UID, ("active", "2030-05-07 06:00:00.000000", "call back")),
        (4, UID, ("removed", None, "")),
        (1, FOLLOWED, ("active", "2026-05-06 07:30:00.000000", "Ask whether the insurer pays")),
        (5, FOLLOWED, ("completed", None, "")),
        (6, FOLLOWED, ("completed", None, "")),
    ]
    for number, (rule, uid, follow_up) in enumerate(rows, 1):
        user.see("#tour", f"Follow-up rules, {number} of 6")
        expect(user.page.locator("tr.lit")).to_have_attribute("data-rule", str(rule))
        if number == 1:  # which an error doesn't end
            expect(user.page.locator("#staff")).to_be_disabled()
            user.page.select_option("#fault", "code=503")
            user.click("Send it")
            user.see("#problem", "Simulated 503. Nothing was saved.")
        user.click("Send it")
        button = "Finish" if number == 6 else "Next rule"
        expect(user.page.get_by_role("button", name=button)).to_be_visible()
        assert find_follow_up(stored, uid, sandbox="tour-%") == follow_up
        if number == 2:  # the first again, which removes the follow-up before
            user.click("Back", "Send it", "Next rule", "Send it")
        user.click(button)
    user.see("#tour", "curl -X PUT")
    user.click("Back")
    user.see("#tour", "Follow-up rules, 6 of 6")
    with user.page.expect_response(lambda response: response.request.method == "DELETE"):
        user.click("End tour")
    user.see("#sandbox-name", "browser")
    expect(user.page.locator("#staff")).to_be_enabled()
    assert stored.rows("SELECT name FROM sandbox WHERE name LIKE 'tour-%'") == []


def test_follow_up_belongs_to_one_staff_member(
    user: User, browser: Browser, stored: Stored
) -> None:
    user.see(f'[data-uid="{COLLEAGUES}"] .preview', "Home visits", "#list", "Noa Levi: ")
    user.shows("#list .preview:has-text('You: ')")
    user.open(COLLEAGUES)
    user.hides("#reminder")
    user.page.select_option("#staff", label="Noa Levi")
    user.open(COLLEAGUES)
    user.see("#reminder", "Marked for follow-up")
    assert user.page.url.endswith("?sandbox=browser&as=demo-colleague")
    assert find_follow_up(stored, COLLEAGUES) is None
    user.page.select_option("#staff", label="Dana Rimon (another business)")
    expect(user.page.locator("#list button")).to_have_count(1)
    user.check_that_all_was_well()


def test_history_has_clicks_and_requests_of_others(user: User) -> None:
    rows = user.page.locator("#list button")
    expect(rows).to_have_count(25)
    user.see("#none", "No requests yet.")
    user.server.put("demo-colleague@browser", FOLLOWED, {"archived": True})
    expect(rows).to_have_count(24)
    user.see("[data-folder=inbox]", "Inbox24")
    user.open(UID)
    user.page.fill("#text", "Hello")
    user.click("Send")
    user.see("#messages .bubble >> nth=-1", "Hello")
    user.click("History")
    entries = user.page.locator("#recent li:not(.own-read)")
    expect(entries).to_contain_text(
        [
            "This pageSend message · Jane SmithPOST",
            f"PUT /v2/conversations/{FOLLOWED}Changed archived",
        ]
    )
    expect(entries.nth(1)).to_contain_text("Python-urllib")
    user.hides("#recent .own-read")
    user.page.check("#show-gets")
    user.shows("#recent .own-read")
    entries.nth(1).click()
    assert user.sent() == {"archived": True}
    user.see("#panel", "Bearer demo-colleague@browser")
    user.click("History")
    entries.nth(0).click()
    user.see("#panel summary >> nth=-1", "after it")
    user.click("Mark read", "Edit and send")
    user.page.fill("#edited", '{"business_unread": true, "typo": 1}')
    user.press("Control+Enter")
    user.see("#panel", "X-Ignored: typo")
    user.click("Changes")
    user.see("#panel ins", '"business_unread": true')
    user.click("Send again")
    user.see("#panel", "No fields changed.")
    user.check_that_all_was_well()


def test_page_and_server_agree_on_each_folder(user: User) -> None:
    path = "/v2/conversations?per_page=100&folder="
    lists = {name: user.server.ask(TOKEN, "GET", path + name)[1]["data"] for name in FOLDERS}
    for name, conversations in lists.items():
        code = f"{json.dumps(lists['all'])}.filter((each) => module.FOLDERS.{name}.has(each))"
        assert user.call("inbox.js", code) == conversations, name


def test_script_in_a_message_is_text(user: User) -> None:
    message = {"client_id": JANE, "text": SCRIPT, "direction": "client_to_business"}
    for each in (message, message | {"conversation_title": SCRIPT[:255]}):
        user.server.ask(TOKEN, "POST", "/platform/v1/messages", {"message": each})
    user.server.ask(TOKEN, "GET", "/v2/conversations", **{"User-Agent": SCRIPT})
    user.open(UID)
    user.see("#messages .bubble >> nth=-1", SCRIPT)
    user.follow_up(SCRIPT)
    user.see("#reminder", SCRIPT)
    user.click("History")
    user.shows("#recent .entry:has-text('onerror')")
    expect(user.page).to_have_title("Conversations · mock server")
    assert user.page.locator("img").count() == 0
    user.check_that_all_was_well()


@pytest.mark.parametrize("fault", ["code=503", "delay=2000"])
def test_typed_text_survives_an_error(user: User, stored: Stored, fault: str) -> None:
    user.open(UID)
    user.page.select_option("#fault", fault)
    user.shows("#simulate.armed")
    user.page.type("#text", "See you on Thursday")
    user.click("Send")
    if fault.startswith("delay"):
        user.shows("#progress")
        user.click("Send")
        user.see_toast("Still waiting for the previous request")
    else:
        user.see("#problem", f"Simulated {fault[-3:]}. Nothing was saved.")
        expect(user.page.locator("#text")).to_have_value("See you on Thursday")
        user.click("Try again")
    user.see("#messages .bubble >> nth=-1", "See you on Thursday")
    expect(user.page.locator("#messages .bubble").last).to_be_in_viewport()
    expect(user.page.locator("#text")).to_have_value("")
    user.hides("#problem", "#simulate.armed")
    assert len(stored.rows("SELECT id FROM message WHERE text = 'See you on Thursday'")) == 1


def test_page_changes_the_clock_and_the_sandbox(user: User) -> None:
    chip = f'[data-uid="{DUE_TODAY}"] .chip'
    user.see(chip, "Follow-up today at 12:30 PM")
    user.page.click("#clock-button")
    user.click("+1 day")
    user.see_toast("Clock moved 1 day ahead and frozen ✓")
    user.see(chip, "Overdue yesterday at 12:30 PM", "#clock", "Wed, May 6, 10:30 AM")
    user.click("Resume")
    user.see("#clock-state", "running")
    user.press("Escape")
    user.page.click("#sandbox-button")
    user.click("Reset to demo data")
    user.see(chip, "Follow-up ")
    user.click("Undo")
    user.see_toast("Undo reset ✓")
    user.see(chip, "Overdue May 5, 2026")
    user.page.click("#sandbox-button")
    user.click("New sandbox")
    user.see("#sandbox-name", "demo-")
    expect(user.page.locator("#list button")).to_have_count(25)
    assert "?sandbox=demo-" in user.page.url
    user.page.click("#sandbox-button")
    user.click("browser")
    user.see("#sandbox-name", "browser")


def test_page_shows_local_times(user: User) -> None:
    for zone, local, expected in ZONES:
        date, clock = local.split("T")
        milliseconds = user.call("times.js", f"module.timeOf('{date}', '{clock}', '{zone}')")
        found = datetime.fromtimestamp(milliseconds / 1000, ZoneInfo(zone))
        assert (f"{found:%Y-%m-%dT%H:%M}", found.fold) == (expected, 0)


def test_copied_request_is_escaped(user: User) -> None:
    strange = 'it\'s "${1}" `2`\\\n</script>'
    headers = {"Authorization": "Bearer o'k\"`${x}`"}
    exchange = {"method": "PUT", "path": "v2/o'k", "headers": headers, "body": {"text": strange}}
    text = user.call("api.js", f"module.asFetch({json.dumps(exchange)})")
    url, options = user.page.evaluate(
        f"async () => {{ const fetch = async (...sent) => sent; return {text.rstrip(';')} }}"
    )
    assert (url, options["method"]) == (f"{user.server.url}/v2/o'k", "PUT")
    assert (options["headers"], json.loads(options["body"])) == (headers, {"text": strange})
    path = user.call("api.js", "module.pathOf('a/b?c#d %')")
    assert path == "v2/conversations/a%2Fb%3Fc%23d%20%25"


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
    top = "document.querySelector('#scroll-list').scrollTop"
    place = user.page.evaluate(top)
    user.open("many000000000060")
    user.click("Mark unread")
    user.see_toast("Mark unread · Ann 60 ✓")
    assert user.page.evaluate(top) == place > 1000
    lines = user.page.locator("#messages li")
    expect(lines).to_have_count(50)
    expect(lines.last).to_be_in_viewport()
    user.page.evaluate("document.querySelector('#scroller').scrollTop = 0")
    expect(lines).to_have_count(100)
    top = "document.querySelector('#scroller').scrollTop"
    place = user.page.evaluate(top)
    user.server.ask(TOKEN, "POST", "/__admin/clock/advance", {"seconds": 3600})
    user.see("#clock", "11:30 AM")
    user.page.wait_for_timeout(500)
    expect(lines).to_have_count(100)
    assert place > 1000 and abs(user.page.evaluate(top) - place) < 100
    user.press("/")
    user.page.keyboard.type("ann 11")
    expect(rows).to_have_count(11)
    user.check_that_all_was_well()


def test_late_response_leaves_another_dialog_open(user: User) -> None:
    user.open(FOLLOWED)
    user.page.select_option("#fault", "delay=2000")
    user.follow_up("a late one")
    user.press("Escape")
    user.open(UID)
    user.click("Follow up")
    user.page.fill("#note", "another one")
    user.see_toast("Change follow-up · Omer Mizrahi ✓")
    user.shows("#follow-up")
    expect(user.page.locator("#note")).to_have_value("another one")


def test_typed_text_survives_updates(user: User) -> None:
    user.open(UID)
    user.page.fill("#text", "the owner's")
    user.page.focus("#staff")
    for staff, text in (("demo-colleague", ""), ("demo-owner", "the owner's")):
        user.page.select_option("#staff", staff)
        user.shows("#rules")
        expect(user.page.locator("#staff")).to_be_focused()
        user.open(UID)
        expect(user.page.locator("#text")).to_have_value(text)
        user.page.focus("#staff")


def test_displayed_reminder_becomes_overdue(user: User) -> None:
    user.server.ask(TOKEN, "DELETE", "/__admin/clock")
    date = datetime.now(UTC) + timedelta(seconds=4)
    user.server.put(TOKEN, UID, {"follow_up": True, "follow_up_date": date.isoformat()})
    user.open(UID)
    user.see("#reminder", "Reminder set for today")
    expect(user.page.locator("#reminder")).to_contain_text("Reminder was due today", timeout=9000)
    user.shows(f'#list [data-uid="{UID}"] .overdue')


def test_rejected_token_is_reported_once(user: User) -> None:
    del user.addresses[:]
    user.page.goto(f"{user.server.url}/?sandbox=browser&as=nobody")
    user.see("#list-note", "The token is unknown (401). Choose someone under Acting as.")
    user.page.wait_for_timeout(3500)
    assert len([each for each in user.addresses if "/__admin/requests" in each]) == 1
    user.page.select_option("#staff", "demo-owner")
    expect(user.page.locator("#list button")).to_have_count(25)


def test_content_stays_while_the_server_is_offline(
    user: User, server: Server, stored: Stored
) -> None:
    user.open(OVERDUE)
    user.see("#clock", "Tue, May 5", "#staff", "Ram Almog")
    server.stop(signal.SIGINT)
    user.see("#list-note", "Server offline. Is `make run` still running?")
    user.see("#clock", "Tue, May 5", "#staff", "Ram Almog")
    user.shows("#messages li")
    with Server(stored.path, PORT=str(server.port)):
        user.click("Archive")
        user.see_toast("Archive · Rivka Salomon ✓")
        expect(user.page.locator("#list-note")).not_to_contain_text("offline")


def test_page_works_under_a_prefix(browser: Browser, stored: Stored) -> None:
    with Server(stored.path, SCRIPT_NAME="/vcita") as server, User(browser, server) as user:
        user.page.goto(f"{server.url}/vcita/?sandbox=browser")
        user.open(UID)
        user.follow_up("call back")
        user.see_toast("Set follow-up · Jane Smith ✓")
        assert find_follow_up(stored, UID) == ("active", None, "call back")
        outside = [each for each in user.addresses if "/vcita/" not in each]
        assert [each for each in outside if not each.startswith("data:")] == []
        user.page.get_by_label("More").click()
        user.page.get_by_role("link", name="API reference").click()
        assert try_out(user, "updateConversation") == "200"
        follow_up = find_follow_up(stored, UID, sandbox="default")
        assert follow_up and follow_up[::2] == ("active", "call back about pricing")
        user.page.get_by_role("link", name="Live inbox").click()
        user.shows("#list button")
        user.check_that_all_was_well()


# /docs/, where every route can be tried without typing anything


@pytest.fixture
def reader(browser: Browser, server: Server) -> Iterator[User]:
    with User(browser, server) as user:
        user.page.goto(f"{server.url}/docs/")
        user.shows(".opblock")
        yield user


def try_out(user: User, operation: str) -> str:
    """Open an operation, and press its button; return the status of the response."""
    part = user.page.locator(f'[id$="-{operation}"]')
    part.locator(".opblock-summary-control").click()
    part.get_by_role("button", name="Execute").click()
    status = part.locator(".live-responses-table .response-col_status").last
    expect(status).to_be_visible()
    return status.inner_text().split()[0]


def test_swagger_ui_tries_every_route_in_a_sandbox(reader: User, stored: Stored) -> None:
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


def test_swagger_ui_fits_on_a_phone(reader: User) -> None:
    reader.page.set_viewport_size({"width": 375, "height": 800})
    try_out(reader, "listMessages")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 375
