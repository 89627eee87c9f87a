"""The OpenAPI document, and the pages under /docs/: Swagger UI and the guides."""

import re
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from web.record import get_record
from web.response_headers import restrict_page

ROOT = Path(__file__).parents[1]
GUIDES = {path.name: path for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")}
PAGE = Path(__file__).with_name("docs_page")
SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"
FOLDERS = {
    path.name: path.parent
    for path in (*PAGE.iterdir(), *(ROOT / "docs").iterdir())
    if path.suffix not in (".html", ".md")
}
SHOWN_ADDRESS = "http://127.0.0.1:8000"  # of this server, in the guides

docs = Blueprint("docs", __name__, url_prefix="/docs", template_folder=PAGE)
docs.after_request(restrict_page)
openapi = Blueprint("openapi", __name__)


@openapi.get("/openapi.json")
def get_openapi() -> ResponseReturnValue:
    """Get the OpenAPI document."""
    from api.openapi import describe  # a start needs none of its imports

    document = describe(current_app.config["VERSION"], current_app.config["ADMIN_API"])
    return document | {"servers": [{"url": request.script_root or "/"}]}


@docs.get("/")
def show_docs() -> str:
    """Show Swagger UI."""
    return render_template("index.html")


@docs.get("/<name>.md")
def show_guide(name: str) -> str:
    """Show a guide as a page, with this server's address; raise NotFound if it is unknown."""
    from markdown_it import MarkdownIt  # only this route needs it

    path = GUIDES.get(f"{name}.md")
    if path is None:
        raise NotFound
    address = (get_record().origin or SHOWN_ADDRESS) + request.script_root
    text = path.read_text().replace(SHOWN_ADDRESS, address)
    text = re.sub(r"\]\((\.\./|docs/)", "](", text)  # all guides have one folder here
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    headings = []
    for opening, inline in zip(tokens, tokens[1:], strict=False):
        if opening.type == "heading_open":
            title = inline.content.replace("`", "")
            anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")  # as GitHub's
            opening.attrSet("id", anchor)
            headings.append((opening.tag, anchor, title))
    body = Markup(markdown.renderer.render(tokens, markdown.options, {}))
    return render_template("guide.html", headings=headings, body=body)


@docs.get("/<path:path>")
def send_docs_file(path: str) -> Response:
    """Send a file of the pages or of Swagger UI."""
    return send_from_directory(FOLDERS.get(path, SWAGGER_UI), path)
