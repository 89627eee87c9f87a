"""The documentation is true: its tables agree with the code, and its commands do what it says."""

import re
import subprocess
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from flask import Flask

import followups
import states.schema as states
from app import VERSION
from conversations.folders import FOLDERS
from demo.seeding import TOKENS
from field_types.request_fields import RequestSchema
from followups import Action, FollowUp, choose_action
from models import FollowUpState
from support.commands import needs
from support.constants import ROOT
from support.differences import check_none, check_same, diff
from support.documents import DOCUMENTS, find_files, find_rows, find_tables, in_code, read
from support.servers import Server
from support.stored import Stored
from web.errors import CODES
from web.settings import SETTINGS

NAMED_CONVERSATIONS = """
    89m2pnabgozdvd9f archived00000001 spam000000000001 trash00000000001 followup00000001
    followup00000002 assigned00000001 matter0000000001 shared0000000001 merged0000000001
    merged0000000002 cycle00000000001 cycle00000000002 neighbour0000001 overdue000000001
    duetoday00000001""".split()  # contract, section 5


def find_code(text: str) -> list[str]:
    """Return the lines of the sh blocks, and the inline code between blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spans = in_code(re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [" ".join(code.split()) for code in lines + spans]


def find_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE))


def test_every_document_is_listed() -> None:
    assert {*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")} == set(DOCUMENTS)


def test_readme_is_short_and_begins_with_setup() -> None:
    readme = read("README.md")
    assert len(readme.split()) <= 1200
    beginning = "\n".join(readme.splitlines()[:60])
    assert all(each in beginning for each in ("make run", "PORT=9000 make run", "make test"))


# Commands and names


def find_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of headings."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", ["/v2/x", "/v3/x", "/platform/v1/clients", "/business/x"])
def test_404_of_other_vcita_routes_links_to_the_recipe(app: Flask, path: str) -> None:
    response = app.test_client().post(path, environ_overrides={"SCRIPT_NAME": "/vcita"})
    [error] = (response.json or {})["errors"]
    assert (response.status_code, error["code"]) == (404, "not_found")
    [(guide, anchor)] = re.findall(r"see /vcita/(\S+)#(\S+)\.", error["message"])
    assert anchor in find_anchors(read(guide))
    with app.test_client().get(f"/{guide}") as sent:
        assert sent.status_code == 200


@pytest.mark.parametrize("name", ["api", "architecture", "benchmarks", "rules", "settings"])
def test_reference_pages_are_short_and_begin_with_contents(name: str) -> None:
    text = read(f"docs/{name}.md")
    contents = text.partition("\n## ")[0]
    headings = re.findall(r"^## .*$", text, re.MULTILINE)
    assert {*re.findall(r"\]\(#([^)\s]+)\)", contents)} == find_anchors("\n".join(headings))
    assert len(text.splitlines()) <= 250


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


def test_every_make_target_is_documented() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    explained = set(re.findall(r"^ *make ([a-z-]+) +\w.*", shown.stdout, re.MULTILINE))
    assert explained == find_targets()
    named = {code for code in find_code(read("CONTRIBUTING.md"))}
    assert {target for target in find_targets() if f"make {target}" not in named} == set()


def test_every_root_file_and_folder_is_in_the_layout() -> None:
    plan = read("CONTRIBUTING.md").partition("## Project layout\n")[2].partition("\n## ")[0]
    named = {name.rstrip("/") for name in in_code(plan)}
    assert {path.partition("/")[0] for path in find_files()} - named == set()


def test_version_is_the_same_everywhere(document: Any) -> None:
    [newest, *_] = re.findall(r"^## (\d\S*)", read("CHANGELOG.md"), re.MULTILINE)
    assert newest == VERSION == document["info"]["version"]


# The tables of the reference


def find_routes(app: Flask) -> set[str]:
    return {
        f"{method} " + re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
        for rule in app.url_map.iter_rules()
        if rule.rule != "/docs/<path:path>"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_listed(app: Flask) -> None:
    assert {name for row in find_rows("route") for name in in_code(row[0])} == find_routes(app)


def test_every_field_of_a_request_has_its_type_and_limit(document: Any) -> None:
    fields: dict[str, Any] = {}
    required: list[str] = []
    for name in ("ConversationUpdate", "NewMessage"):
        schema = document["components"]["schemas"][name]
        fields |= schema["properties"]
        required += schema.get("required", [])
    tables = [table[2:] for table in find_tables(read("docs/api.md")) if table[0][0] == "field"]
    rows = [row for table in tables for row in table]
    listed = [(name, row) for row in rows for name in in_code(row[0]) if name in fields]
    assert {name for name, _ in listed} == fields.keys()
    for name, (_, kind, effect) in listed:
        types = fields[name]["type"]
        words = types if isinstance(types, str) else " or ".join(types)
        assert kind == words + (", required" if name in required else ""), name
        if limit := fields[name].get("maxLength"):
            assert f"{limit:,} characters" in effect, name
        for choice in fields[name].get("enum", []):
            assert f"`{choice}`" in effect, name


def find_names(heading: str) -> list[str]:
    """Return what the first column of a table has in code."""
    return [name for row in find_rows(heading) for name in in_code(row[0])]


def test_folders_tokens_conversations_and_commands_are_listed(app: Flask, stored: Stored) -> None:
    check_same(find_names("folder"), [*FOLDERS], "the folders")
    for name, meaning, *_ in find_rows("folder"):
        check_same(meaning, FOLDERS[name.strip("`")].meaning, f"the folder {name}")
    check_same(find_names("token"), [*TOKENS], "the tokens")
    check_same(sorted(find_names("conversation")), sorted(NAMED_CONVERSATIONS), "conversations")
    assert all(map(stored.conversation, NAMED_CONVERSATIONS))
    commands = {in_code(row[0])[0].split()[0] for row in find_rows("command", "docs/settings.md")}
    check_same(sorted(commands), sorted(app.cli.commands), "the commands")
    errors = {(int(status), in_code(code)[0]) for status, code, _ in find_rows("status")}
    check_same(sorted(errors), sorted({*CODES.items(), (404, "invalid")}), "the errors")


def test_every_setting_is_listed_with_its_default() -> None:
    settings = {f"FLASK_{name}": default for name, (default, _) in SETTINGS.items()}
    settings |= dict(re.findall(r'environ\.get\("(\w+)"\) or "(.*)"', read("gunicorn.conf.py")))
    words = {False: "0", True: "1", None: ""}
    shown = {
        name: words[each] if each is None or isinstance(each, bool) else str(each)
        for name, each in settings.items()
    }
    listed = {
        row[0].strip("`"): row[1].strip("`") for row in find_rows("setting", "docs/settings.md")
    }
    check_none(diff(shown, listed, "the settings", is_ordered=False))


# The follow-up table

FOLLOW_UP_TABLE = next(
    table for table in find_tables(followups.__doc__ or "") if table[0][0] == "`follow_up`"
)
WORDS: dict[str, object] = {"true": True, "false": False, "absent": None}


def test_readme_and_code_have_the_same_follow_up_table() -> None:
    [table] = (each for each in find_tables(read("README.md")) if each[0] == FOLLOW_UP_TABLE[0])
    assert table[2:] == FOLLOW_UP_TABLE[2:]
    assert len(table) == 8


def expand(cell: str, every: list[str]) -> list[str]:
    words = re.split(", | or ", cell.replace("`", ""))
    return every if words == ["any"] else words


def test_every_row_of_the_follow_up_table_is_true() -> None:
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
            current = FollowUp(FollowUpState(combination[2]))
            assert choose_action(current, sent) is Action(action), combination
    assert sorted(combinations) == sorted(product(WORDS, WORDS, states))


STATE_SCHEMAS: dict[str, type[RequestSchema]] = {
    "State": states.SandboxState,
    "Business": states.BusinessState,
    "Staff member": states.StaffMemberState,
    "Client": states.ClientState,
    "Conversation": states.ConversationState,
    "Collaborator": states.CollaboratorState,
    "Message": states.MessageState,
}


@pytest.mark.parametrize("heading", STATE_SCHEMAS)
def test_each_field_of_a_state_is_listed_with_type_and_default(document: Any, heading: str) -> None:
    text = read("docs/state.md").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    [[_, _, *rows]] = find_tables(text)
    listed = {name: row for row in rows for name in in_code(row[0])}
    schema = STATE_SCHEMAS[heading]
    described = document["components"]["schemas"][schema.__name__]
    fields = {name: field for name, field in described["properties"].items() if name != "deleted"}
    assert listed.keys() == fields.keys()
    times = {
        each.data_key or name
        for name, each in schema().fields.items()
        if isinstance(each, states.Time)
    }
    for name, (_, kind, default, _) in listed.items():
        types = fields[name].get("type", ["object", "null"])
        words = types if isinstance(types, str) else " or ".join(types)
        assert kind == (words.replace("string", "time") if name in times else words), name
        assert (default == "required") == (name in described.get("required", [])), name
        if (value := fields[name].get("default")) not in (None, ""):
            assert default == f"`{value}`".replace("False", "false"), name


# The calls that the documents show, and their responses

CALL = re.compile(r"```sh\n(curl .*?)\n```\n```(?:json)?\n(.*?)\n```", re.DOTALL)
TIMES = re.compile(r'("(?:last_\w+_(?:at|action)|created_at|updated_at)(?:_h)?":)"[^"]*"')
NEW_UID = re.compile(r'("id":\d+,)?("uid":)"\w+"(?=,"(?:text|conversation_uid)")')
WITH_CALLS = [document for document in DOCUMENTS if CALL.search(document.read_text())]


def pattern_of(response: str) -> str:
    """Return a pattern of a response: `…` matches anything; times, new ids and new uids vary."""
    response = NEW_UID.sub('…"uid":"…"', TIMES.sub(r'\1"…"', response))
    return ".*".join(re.escape(part) for part in response.split("…"))


def test_documents_have_curl_calls() -> None:
    assert {"README.md", "tour.md", "api.md", "state.md"} <= {
        document.name for document in WITH_CALLS
    }


@needs("curl")
@pytest.mark.parametrize("document", WITH_CALLS, ids=lambda path: path.name)
def test_every_documented_call_gets_its_response(server: Server, document: Path) -> None:
    text = document.read_text()
    calls = CALL.findall(text)
    assert len(calls) >= text.count("\n```\n```json\n")
    for command, expected in calls:
        check_call(server, command, expected)


def check_call(server: Server, command: str, expected: str) -> None:
    """Run a line, or several, and fail unless the output is what the document says."""
    assert "http://127.0.0.1:8000/" in command
    line = ["bash", "-c", command.replace("http://127.0.0.1:8000", server.url)]
    pattern = pattern_of(expected.replace("http://127.0.0.1:8000", server.url))
    for _ in range(100 if "/__admin/requests" in command else 1):  # until a process stored it
        result = subprocess.run(line, capture_output=True, text=True, timeout=30, check=True)
        if re.fullmatch(pattern, result.stdout.strip(), re.DOTALL):
            return
    pytest.fail(f"\n{command}\n{result.stdout}")


# The guides as pages of the server


def show_guide(app: Flask, name: str, **environ: str) -> str:
    response = app.test_client().get(f"/docs/{name}", environ_overrides=environ)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    return response.text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_has_a_target(app: Flask, document: Path) -> None:
    for link in re.findall(r'(?:href|src)="([^"]+)"', show_guide(app, document.name)):
        path, _, anchor = urljoin(f"/docs/{document.name}", link).partition("#")
        if not path.startswith("http"):
            target = app.test_client().get(path, buffered=True)
            assert target.status_code == 200, link
            assert not anchor or f'id="{anchor}"' in target.text, link


def test_guide_begins_with_its_contents(app: Flask) -> None:
    links = re.findall(r'<a class="h\d" href="#(.+?)">(.+?)</a>', show_guide(app, "hosting.md"))
    headings = re.findall(r"^##+ (.+)$", read("docs/hosting.md"), re.MULTILINE)
    assert [title for _, title in links] == headings


@pytest.mark.parametrize("host", ["mock_server:8000", "localhost"])
def test_docs_have_the_address_of_this_server(app: Flask, host: str) -> None:
    base = f"http://{host}/mock"
    response = app.test_client().get("/docs", base_url=base)
    target = urljoin(f"{base}/docs", response.headers["Location"])
    assert (response.status_code, target) == (308, f"{base}/docs/")
    page = show_guide(app, "testing.md", HTTP_HOST=host, SCRIPT_NAME="/mock")
    assert f"curl -X PUT {base}/v2/conversations/" in page
    assert "http://127.0.0.1:8000" not in page


def test_host_is_escaped(app: Flask) -> None:
    page = app.test_client().get("/docs/README.md", headers={"Host": "<script>alert(1)</script>"})
    assert "<script>alert" not in page.text
