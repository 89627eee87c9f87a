"""The page at / and its files, which load nothing from elsewhere."""

from functools import partial
from mimetypes import add_type

from flask import Blueprint, Response, current_app

from web.response_headers import SELF_ONLY_CSP

POLICY = f"{SELF_ONLY_CSP}; form-action 'none'; frame-ancestors "

inbox_page = Blueprint("inbox_page", __name__, static_folder="files", static_url_path="/page")
# Some systems name another type, which no module may have. At a start it would read their lists.
inbox_page.before_request(partial(add_type, "text/javascript", ".js"))


@inbox_page.get("/")
def show_page() -> Response:
    """Show the page."""
    return inbox_page.send_static_file("index.html")


@inbox_page.after_request
def restrict_page(response: Response) -> Response:
    """Add the headers to the page or one of its files; `X-Frame-Options` can't name other sites."""
    response.headers["Content-Security-Policy"] = POLICY + current_app.config["FRAME_ANCESTORS"]
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
