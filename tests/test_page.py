"""The page at /: its headers, its size, what it may load, and its tables of rules and folders."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app import create_app
from conversations import folders
from followups import FollowUp, change_follow_up, choose_action, find_unused_fields, sets_follow_up
from models import FollowUpState
from support.constants import ROOT

FILES = sorted((ROOT / "inbox_page" / "files").iterdir())
NAMES = [path.name for path in FILES]
ADDRESSES = ["/", *(f"/page/{name}" for name in NAMES)]
MAX_BYTES = 90_000
POLICY = {
    *("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"),
    *("img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"),
}
PAGE = (ROOT / "inbox_page" / "files" / "index.html").read_text()


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_file_has_its_headers_and_is_sent_once(app: Flask, address: str) -> None:
    client = app.test_client()
    with client.get(address) as response:
        assert response.status_code == 200
        headers = response.headers
    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"
    assert "X-Frame-Options" not in headers  # which can't name other sites
    types = {"js": "text/javascript", "css": "text/css"}
    right = types.get(address.rpartition(".")[2], "text/html")
    assert headers["Content-Type"] == f"{right}; charset=utf-8"
    with client.get(address, headers={"If-None-Match": headers["ETag"]}) as response:
        assert (response.status_code, response.data) == (304, b"")
        assert set(response.headers["Content-Security-Policy"].split("; ")) == POLICY


def test_page_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < MAX_BYTES


SCRIPTS = {path.name: path.read_text() for path in FILES if path.suffix == ".js"}
SWITCH: dict[str, bool | None] = {"absent": None, "true": True, "false": False}


@pytest.mark.parametrize("state", FollowUpState)
@pytest.mark.parametrize(
    ("follow_up", "archived", "complete"), list(product(SWITCH, SWITCH, SWITCH))
)
def test_page_and_server_have_the_same_rules(
    state: FollowUpState, follow_up: str, archived: str, complete: str
) -> None:
    rules = json.loads(SCRIPTS["rule-table.js"].partition("RULES = ")[2].partition(";\n")[0])
    values = {"follow_up": follow_up, "archived": archived, "complete_follow_up": complete}
    sent = {name: SWITCH[value] for name, value in values.items() if value != "absent"}
    [rule] = [
        row
        for row in rules["rows"]
        if follow_up in row["follow_up"] and archived in row["archived"] and state in row["now"]
    ]
    assert rule["action"] == choose_action(FollowUp(state), sent)
    assert rule["unarchives"] == sets_follow_up(sent)
    effect = "complete" if rule["action"] == "remove" and complete == "true" else rule["action"]
    result = change_follow_up(FollowUp(state), sent) or FollowUp()
    assert rules["after"][effect][state] == result.state
    is_ignored = rule["unarchives"] or follow_up == "absent"  # as the panel says
    assert is_ignored == ("complete_follow_up" in find_unused_fields(sent)[1])


def test_page_has_a_button_for_each_folder() -> None:
    names = re.findall(r"^\t(\w+): \{ name: '.+', has: ", SCRIPTS["inbox.js"], re.MULTILINE)
    assert set(names) == set(folders.FOLDERS)


def test_every_uid_in_an_address_is_encoded() -> None:
    addresses = re.findall(r"`[^`\n]*conversations/\$\{[^`]*`", "".join(SCRIPTS.values()))
    assert addresses == ["`v2/conversations/${encodeURIComponent(uid)}${rest}`"]


def test_page_has_no_inline_script_or_style() -> None:
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", PAGE) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_text_never_becomes_markup(path: Path) -> None:
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|DOMParser"
    assert re.findall(markup, path.read_text()) == []


def test_page_works_with_a_script_name(app: Flask) -> None:
    environ: Any = EnvironBuilder("/", base_url="http://localhost/mock/").get_environ()
    body, status, _ = run_wsgi_app(app, environ, buffered=True)
    assert (status, b"".join(body).decode()) == ("200 OK", PAGE)
    _, status, headers = run_wsgi_app(app, environ | {"PATH_INFO": ""}, buffered=True)
    assert status.startswith("308")
    assert headers["Location"] == "http://localhost/mock/"


ALLOWED = "'none'|*|'self' https://docs.example|https://*.example http://localhost:6006|https:"


@pytest.mark.parametrize("ancestors", [*ALLOWED.split("|"), " http://[::1]:*  'self' "])
def test_frame_ancestors_controls_embedding(ancestors: str) -> None:
    app = create_app({"FRAME_ANCESTORS": ancestors}, prepare=False)
    with app.test_client().get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert policy.endswith(f"; frame-ancestors {' '.join(ancestors.split())}")
