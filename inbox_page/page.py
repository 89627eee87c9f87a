"""The page at / and its files, which load nothing from elsewhere."""

from flask import Blueprint, Response, current_app

from web.response_headers import SELF_ONLY_CSP

POLICY = f"{SELF_ONLY_CSP}; form-action 'none'; frame-ancestors "

inbox_page = Blueprint("inbox_page", __name__, static_folder="files", static_url_path="/page")


@inbox_page.get("/")
def show_page() -> Response:
    """Show the page."""
    return inbox_page.send_static_file("index.html")


@inbox_page.after_request
def restrict_page(response: Response) -> Response:
    """Add security headers to the page; `X-Frame-Options` can't list the FRAME_ANCESTORS."""
    response.headers["Content-Security-Policy"] = POLICY + current_app.config["FRAME_ANCESTORS"]
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
