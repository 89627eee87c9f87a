"""The page at / and its files, which load nothing from elsewhere."""

from pathlib import PurePath

from flask import Blueprint, Response, current_app, send_from_directory
from werkzeug.exceptions import NotFound

from web.response_headers import SELF_ONLY_CSP

FOLDER = "files"  # beside this module
TYPES = {  # browsers run a module only as JavaScript, whatever the system calls the suffix
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
}
POLICY = f"{SELF_ONLY_CSP}; form-action 'none'; frame-ancestors "

inbox_page = Blueprint("inbox_page", __name__)


@inbox_page.get("/")
def show_page() -> Response:
    """Show the page."""
    return send_file("index.html")


@inbox_page.get("/page/<name>")
def show_file(name: str) -> Response:
    """Show the style sheet or a module of the page."""
    return send_file(name)


@inbox_page.after_request
def restrict_page(response: Response) -> Response:
    """Add the headers to the page or one of its files.

    There is no `X-Frame-Options`: it can't name other sites, and the policy does what it would.
    """
    response.headers["Content-Security-Policy"] = POLICY + current_app.config["FRAME_ANCESTORS"]
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def send_file(name: str) -> Response:
    """Respond with a file, or with 304 if the browser has it; raise NotFound."""
    mimetype = TYPES.get(PurePath(name).suffix)
    if mimetype is None:
        raise NotFound
    return send_from_directory(f"{inbox_page.root_path}/{FOLDER}", name, mimetype=mimetype)
