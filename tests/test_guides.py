"""The guides as pages of the server."""

import re
from urllib.parse import urljoin

import pytest
from flask import Flask

from support.documents import DOCUMENTS, read

GUIDES = [path.name for path in DOCUMENTS]


def show(app: Flask, name: str, **environ: str) -> str:
    response = app.test_client().get(f"/docs/{name}", environ_overrides=environ)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    return response.text


@pytest.mark.parametrize("name", GUIDES)
def test_every_link_of_a_guide_has_a_target(app: Flask, name: str) -> None:
    page = show(app, name)
    links = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    for link in links:
        path, _, anchor = urljoin(f"/docs/{name}", link).partition("#")
        if not path.startswith("http"):
            target = app.test_client().get(path, buffered=True)
            assert target.status_code == 200, link
            assert not anchor or f'id="{anchor}"' in target.text, link


def test_guide_begins_with_its_contents(app: Flask) -> None:
    links = re.findall(r'<a class="h\d" href="#(.+?)">(.+?)</a>', show(app, "hosting.md"))
    headings = re.findall(r"^##+ (.+)$", read("docs/hosting.md"), re.MULTILINE)
    assert [title for _, title in links] == headings


def test_guide_has_the_address_of_this_server(app: Flask) -> None:
    shown = "http://127.0.0.1:8000"
    assert shown in read("docs/testing.md")
    page = show(app, "testing.md", HTTP_HOST="staging.example", SCRIPT_NAME="/vcita")
    assert shown not in page
    assert "curl -X PUT http://staging.example/vcita/v2/conversations/" in page


@pytest.mark.parametrize("host", ["mock_server:8000", "localhost"])
def test_docs_without_a_slash_redirects_on_any_host(app: Flask, host: str) -> None:
    base = f"http://{host}/mock"
    response = app.test_client().get("/docs", base_url=base)
    target = urljoin(f"{base}/docs", response.headers["Location"])
    assert (response.status_code, target) == (308, f"{base}/docs/")
    assert f"curl -X PUT {base}/v2" in show(app, "testing.md", HTTP_HOST=host, SCRIPT_NAME="/mock")


def test_host_is_escaped(app: Flask) -> None:
    page = app.test_client().get("/docs/README.md", headers={"Host": "<script>alert(1)</script>"})
    assert "<script>alert" not in page.text
