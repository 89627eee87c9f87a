"""The page at /, as people use it in a browser."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from support.browser import CHROMIUM, User, open_browser
from support.constants import COLLEAGUES, DUE_TODAY, FOLLOWED, JANE, OVERDUE, ROOT, UID
from support.servers import Server
from support.stored import Stored

CHECKS = ROOT / "tests" / "page"
SCRIPT = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The page's tests need {CHROMIUM}."),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def user(browser: Browser, server: Server) -> Iterator[User]:
    user = User(browser, server)
    user.reset()
    user.go()
    yield user
    user.context.close()


@pytest.fixture(scope="module")
def checks() -> None:
    """Install what checks the page, once."""
    if shutil.which("npm") is None:
        pytest.skip("The checks of the page need node and npm.")
    if not (CHECKS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CHECKS, check=True)


def wait_until(is_so: Callable[[], bool], seconds: float = 5) -> None:
    """Fail unless something becomes so in time."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def find_sandbox(stored: Stored, name: str) -> int:
    return int(stored.row("SELECT id FROM sandbox WHERE name LIKE ?", name)["id"])


def find_follow_up(
    stored: Stored, uid: str, full_name: str = "Ram Almog", sandbox: str = "browser"
) -> tuple[Any, ...] | None:
    """Return the stored follow-up of a staff member: its state, date and message."""
    rows = stored.rows(
        """SELECT collaborator.* FROM collaborator
           JOIN conversation ON conversation.id = conversation_id
           JOIN staff ON staff.id = collaborator.staff_id
           JOIN business ON business.id = conversation.business_id
           WHERE conversation.uid = ? AND full_name = ? AND business.sandbox_id = ?""",
        uid,
        full_name,
        find_sandbox(stored, sandbox),
    )
    if not rows:
        return None
    names = ("follow_up_state", "follow_up_date", "follow_up_message")
    return tuple(rows[0][name] for name in names)


def is_archived(stored: Stored, uid: str, sandbox: str = "browser") -> bool:
    row = stored.row(
        """SELECT archived FROM conversation
           JOIN business ON business.id = conversation.business_id
           WHERE conversation.uid = ? AND business.sandbox_id = ?""",
        uid,
        find_sandbox(stored, sandbox),
    )
    return bool(row["archived"])


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
        user.see("#problem", f"This error was asked for. ({fault[-3:]})")
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
    user.see("#clock-state", "runs")
    user.click("Reset")
    user.see_that_it_said("As if it were new")
    expect(badge).to_contain_text("Follow-up ")


def test_a_new_sandbox_has_a_name_of_its_own(user: User) -> None:
    user.click("New")
    expect(user.page.locator("#sandbox-name")).not_to_have_text("browser")
    expect(user.page.locator("#list button")).to_have_count(25)
    assert "?sandbox=demo-" in user.page.url


def test_everything_by_keyboard(user: User, stored: Stored) -> None:
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
    expect(lines).not_to_have_count(50)
    user.check_that_all_was_well()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_nothing(
    browser: Browser, server: Server, checks: None, scheme: str, width: int
) -> None:
    user = User(
        browser, server, color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    user.reset()
    user.go()

    def check() -> None:
        user.page.add_script_tag(path=CHECKS / "node_modules" / "axe-core" / "axe.min.js")
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


def test_the_modules_have_the_right_types(checks: None) -> None:
    result = subprocess.run(
        ["npm", "run", "--silent", "types"], cwd=CHECKS, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_without_the_controls_the_page_shows_what_it_can(browser: Browser, stored: Stored) -> None:
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


def test_narrow_windows_show_one_thing_at_a_time(browser: Browser, server: Server) -> None:
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


def test_another_site_embeds_the_page_where_the_settings_allow_it(
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
