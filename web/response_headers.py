"""The headers that tell browsers and caches what they may do with a response."""

from flask import Blueprint, Flask, Response

OWN_FILES_ALONE = (  # what every page may load, and nothing from elsewhere
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'"
)
DOCS_POLICY = (
    f"{OWN_FILES_ALONE}; font-src 'self' data:; form-action 'self'; frame-ancestors 'self'"
)


def init_app(app: Flask) -> None:
    """Let browsers take every response of an app for what it says that it is."""
    app.after_request(forbid_sniffing)


def keep_to_itself(page: Blueprint) -> None:
    """Let the pages of a blueprint load nothing from elsewhere, and be framed by nobody else."""
    page.after_request(restrict_page)


def forbid_sniffing(response: Response) -> Response:
    """Add the header to a response."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def restrict_page(response: Response) -> Response:
    """Add the headers to a page or one of its files."""
    response.headers["Content-Security-Policy"] = DOCS_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
