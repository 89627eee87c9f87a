"""The documentation is true: its tables agree with the code, and its commands do what it says."""

import ast
import re
import shutil
import subprocess
import time
from itertools import product
from pathlib import Path

import pytest
from flask import Flask

import followups
from api.message_schemas import NewMessageSchema
from app import VERSION
from conversations.folders import FOLDERS
from demo.seeding import TOKENS
from field_types.state_fields import StateSchema
from followups import Action, FollowUp, choose_action
from models import FollowUpState
from sandboxes.state_schemas import (
    BusinessState,
    ClientState,
    CollaboratorState,
    ConversationState,
    MessageState,
    SandboxState,
    StaffMemberState,
)
from schemas import ConversationUpdateSchema
from support.constants import ROOT
from support.servers import Server
from support.stored import Stored
from web.errors import CODES

DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *("docs/decisions.md", "docs/reference.md", "docs/speed.md", "docs/state.md"),
        *("docs/testing.md", "docs/tour.md"),
    )
]
NAMED_CONVERSATIONS = """
    89m2pnabgozdvd9f archived00000001 spam000000000001 trash00000000001 followup00000001
    followup00000002 assigned00000001 matter0000000001 shared0000000001 merged0000000001
    merged0000000002 cycle00000000001 cycle00000000002 neighbour0000001 overdue000000001
    duetoday00000001""".split()  # contract, section 5
ORIGIN = "http://localhost:3000"
Table = list[list[str]]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def find_tables(text: str) -> list[Table]:
    """Return the tables of a Markdown text, as rows of cells; the first row is the heading."""
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in re.findall(r"(?:^\|.*\|\n)+", f"{text}\n", re.MULTILINE)
    ]


def find_rows(first_heading: str, document: str = "docs/reference.md") -> Table:
    """Return the rows of the one table of a document whose first column is headed so."""
    [table] = (each for each in find_tables(read(document)) if each[0][0] == first_heading)
    return table[2:]


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def find_code(text: str) -> list[str]:
    """Return the lines of the sh blocks, and what stands in backticks between blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spans = in_code(re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [" ".join(code.split()) for code in lines + spans]


def find_files() -> list[str]:
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.splitlines() if (ROOT / path).exists()]


def find_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE))


def test_every_document_is_known() -> None:
    assert {*ROOT.glob("*.md"), *ROOT.glob("docs/*")} == set(DOCUMENTS)


def test_the_readme_is_short_and_begins_with_how_to_run_it() -> None:
    readme = read("README.md")
    assert len(readme.split()) <= 1200
    beginning = "\n".join(readme.splitlines()[:60])
    assert "make run" in beginning and "make test" in beginning


# Links, commands and names


def find_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of headings."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if not link.startswith(("http://", "https://")):
            path, _, anchor = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            assert target.exists(), link
            assert not anchor or anchor in find_anchors(target.read_text()), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_file_exists(app: Flask, document: Path) -> None:
    for code in find_code(document.read_text()):
        for target in re.findall(r"(?:^| )make(?: [A-Z]+=\S+)* ([a-z][a-z-]*)", code):
            assert target in find_targets(), code
        for name, options in re.findall(r"bin/flask --app app (\w+)(.*)", code):
            assert name in {*app.cli.commands, "run"}, code
            known = app.cli.commands[name].params if name != "run" else []
            opts = {option for parameter in known for option in parameter.opts}
            assert set(re.findall(r"--[\w-]+", options)) <= opts, code
        for path in re.findall(r"(?<![\w/.:])[\w-]+/[\w./-]+\.(?:py|md|ts|json)\b", code):
            if not path.startswith("instance/"):  # where people keep what is their own
                assert (ROOT / path).exists(), code


def test_every_target_of_make_is_explained() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    explained = set(re.findall(r"^ *make ([a-z-]+) +\w.*", shown.stdout, re.MULTILINE))
    assert explained == find_targets()
    named = {code for code in find_code(read("CONTRIBUTING.md"))}
    assert {target for target in find_targets() if f"make {target}" not in named} == set()


def test_every_file_and_folder_on_top_is_in_the_plan() -> None:
    plan = read("CONTRIBUTING.md").partition("## The plan\n")[2].partition("\n## ")[0]
    named = {name.rstrip("/") for name in in_code(plan)}
    assert {path.partition("/")[0] for path in find_files()} - named == set()


def test_the_version_is_the_same_everywhere(app: Flask) -> None:
    [newest, *_] = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    document = app.test_client().get("/openapi.json").json or {}
    assert newest == VERSION == document["info"]["version"]


# The tables of the reference


def find_routes(app: Flask) -> set[str]:
    return {
        f"{method} " + re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
        for rule in app.url_map.iter_rules()
        if rule.rule != "/docs/<path:path>"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_listed(app: Flask) -> None:
    assert {row[0].strip("`") for row in find_rows("route")} == find_routes(app)


def test_pages_may_use_the_method_of_every_route(app: Flask) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    response = app.test_client().options("/v2/conversations/x", headers=headers)
    allowed = response.headers["Access-Control-Allow-Methods"].split(", ")
    assert {route.partition(" ")[0] for route in find_routes(app)} <= set(allowed)


@pytest.mark.parametrize("schema", [ConversationUpdateSchema, NewMessageSchema])
def test_every_field_of_a_request_is_listed(
    schema: type[ConversationUpdateSchema | NewMessageSchema],
) -> None:
    tables = [table[2:] for table in find_tables(read("docs/reference.md"))]
    listed = [{name for row in table for name in in_code(row[0])} for table in tables]
    assert set(schema().fields) in listed


@pytest.mark.parametrize(("heading", "names"), [("folder", FOLDERS), ("token", TOKENS)])
def test_every_folder_and_token_is_listed(heading: str, names: dict[str, object]) -> None:
    assert [name for row in find_rows(heading) for name in in_code(row[0])] == list(names)


def test_every_named_conversation_is_listed_and_exists(stored: Stored) -> None:
    listed = [uid for row in find_rows("conversation") for uid in in_code(row[0])]
    assert sorted(listed) == sorted(NAMED_CONVERSATIONS)
    for uid in NAMED_CONVERSATIONS:
        assert stored.conversation(uid)


def test_every_error_is_listed() -> None:
    listed = {(int(status), in_code(code)[0]) for status, code, _ in find_rows("status")}
    assert listed == {*CODES.items(), (404, "invalid"), (422, "invalid")}


def test_every_setting_is_listed_with_its_default() -> None:
    source = read("web/settings.py")
    [defaults] = re.findall(r"config\.from_mapping\(\n(.*?)\n    \)", source, re.DOTALL)
    call = ast.parse(f"f({defaults})", mode="eval").body
    assert isinstance(call, ast.Call)
    settings = {
        f"FLASK_{keyword.arg}": ast.literal_eval(keyword.value)
        for keyword in call.keywords
        if keyword.arg != "MAX_CONTENT_LENGTH"  # which nobody sets
    }
    settings |= dict(re.findall(r'environ\.get\("(\w+)"\) or "(.*)"', read("gunicorn.conf.py")))
    words = {False: "0", True: "1", None: ""}
    shown = {
        name: words[each] if each is None or isinstance(each, bool) else str(each)
        for name, each in settings.items()
    }
    listed = {row[0].strip("`"): row[1].strip("`") for row in find_rows("setting")}
    assert listed == shown


# The follow-up table

FOLLOW_UP_TABLE = next(
    table for table in find_tables(followups.__doc__ or "") if table[0][0] == "`follow_up`"
)
WORDS: dict[str, object] = {"true": True, "false": False, "absent": None}


def test_the_readme_has_the_follow_up_table_of_the_code() -> None:
    [table] = (each for each in find_tables(read("README.md")) if each[0] == FOLLOW_UP_TABLE[0])
    assert table[2:] == FOLLOW_UP_TABLE[2:]
    assert len(table) == 8


def expand(cell: str, every: list[str]) -> list[str]:
    words = re.split(", | or ", cell.replace("`", ""))
    return every if words == ["any"] else words


def test_every_row_of_the_follow_up_table_holds() -> None:
    states = [str(state) for state in FollowUpState]
    combinations = []
    for follow_up, archived, now, action in FOLLOW_UP_TABLE[2:]:
        for combination in product(
            expand(follow_up, [*WORDS]), expand(archived, [*WORDS]), expand(now, states)
        ):
            combinations.append(combination)
            sent = {
                field: WORDS[word]
                for field, word in zip(("follow_up", "archived"), combination, strict=False)
                if word != "absent"
            }
            held = FollowUp(FollowUpState(combination[2]))
            assert choose_action(held, sent) is Action(action), combination
            if held == FollowUp():
                assert choose_action(None, sent) is Action(action), combination
    assert sorted(combinations) == sorted(product(WORDS, WORDS, states))


# The calls

CALL = re.compile(r"```sh\n(curl .*?)\n```\n```json\n(.*?)\n```", re.DOTALL)
SCRIPT = re.compile(r"```sh\n(curl .*?)\n```\n```\n(.*?)\n```", re.DOTALL)
TIMES = re.compile(r'("(?:last_\w+_(?:at|action)|created_at|updated_at)(?:_h)?":)"[^"]*"')
NEW_UID = re.compile(r'("id":\d+,)?("uid":)"\w+"(?=,"(?:text|conversation_uid)")')
WITH_CALLS = [document for document in DOCUMENTS if CALL.search(document.read_text())]


def pattern_of(response: str) -> str:
    """Make a pattern of a response: `…` stands for anything; times, new ids and new uids vary."""
    response = NEW_UID.sub('…"uid":"…"', TIMES.sub(r'\1"…"', response))
    return ".*".join(re.escape(part) for part in response.split("…"))


def test_the_readme_the_tour_and_the_reference_have_calls() -> None:
    assert {"README.md", "tour.md", "reference.md"} <= {document.name for document in WITH_CALLS}


@pytest.mark.skipif(shutil.which("curl") is None, reason="The calls need curl.")
@pytest.mark.parametrize("document", WITH_CALLS, ids=lambda path: path.name)
def test_every_call_gives_its_response(server: Server, document: Path) -> None:
    text = document.read_text()
    calls = CALL.findall(text)
    assert len(calls) == text.count("\n```json\n")
    for command, expected in calls:
        check_call(server, command, expected)


@pytest.mark.skipif(shutil.which("curl") is None, reason="The calls need curl.")
def test_the_calls_with_states_give_their_responses(server: Server) -> None:
    scripts = SCRIPT.findall(read("docs/state.md"))
    assert scripts
    for script, expected in scripts:
        check_call(server, script, expected)


def check_call(server: Server, command: str, expected: str) -> None:
    """Run a line, or several, and fail unless the output is what the document says."""
    assert "http://127.0.0.1:8000/" in command
    if "/__admin/requests" in command:
        time.sleep(0.2)  # in which any process stores what it has
    result = subprocess.run(
        ["bash", "-c", command.replace("http://127.0.0.1:8000", server.url)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    is_expected = re.fullmatch(pattern_of(expected), result.stdout.strip(), re.DOTALL)
    assert is_expected, f"\n{command}\n{result.stdout}"


def test_every_field_of_a_state_is_listed() -> None:
    part = ""
    listed: dict[str, set[str]] = {}
    for cells in find_rows("in", "docs/state.md"):
        part = cells[0] or part
        listed.setdefault(part, set()).update(in_code(cells[1]))
    schemas: dict[str, type[StateSchema]] = {
        "the state": SandboxState,
        "a business": BusinessState,
        "a staff member": StaffMemberState,
        "a client": ClientState,
        "a conversation": ConversationState,
        "a collaborator": CollaboratorState,
        "a message": MessageState,
    }
    assert listed == {
        name: {field.data_key or key for key, field in schema().fields.items()} - {"deleted"}
        for name, schema in schemas.items()
    }
