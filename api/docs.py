"""The OpenAPI document, the page at /docs/ with Swagger UI, ready to try, and the guides."""

from functools import partial
from importlib.resources import files
from mimetypes import add_type
from pathlib import Path

from flask import Blueprint, Response, current_app, request, send_from_directory
from flask.typing import ResponseReturnValue

from web.response_headers import restrict_page

PAGE = Path(__file__).with_name("docs_page")
OWN_FILES = {path.name for path in PAGE.iterdir()}
GUIDES = Path(__file__).parents[1] / "docs"

docs = Blueprint("docs", __name__, url_prefix="/docs")
docs.before_request(partial(add_type, "text/javascript", ".js"))  # as for the page at /
docs.after_request(restrict_page)
openapi = Blueprint("openapi", __name__)


@openapi.get("/openapi.json")
def get_openapi() -> ResponseReturnValue:
    """Show the OpenAPI document."""
    from api.openapi import describe  # a start needs none of its imports

    document = describe(current_app.config["VERSION"], current_app.config["ADMIN_API"])
    return document | {"servers": [{"url": request.script_root or "/"}]}


@docs.get("/")
def show_docs() -> str:
    """Show the page."""
    return (PAGE / "index.html").read_text()


@docs.get("/<path:path>")
def send_docs_file(path: str) -> Response:
    """Send a file of the page, of Swagger UI, or a guide."""
    if path.endswith(".md"):
        return send_from_directory(GUIDES, path, mimetype="text/plain")
    swagger_ui = Path(str(files("flask_swagger_ui"))) / "dist"
    return send_from_directory(PAGE if path in OWN_FILES else swagger_ui, path)
