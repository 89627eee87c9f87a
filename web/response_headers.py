"""The headers that tell browsers and caches what they may do with a response."""

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.datastructures import HeaderSet

SELF_ONLY_CSP = (  # a page may load its own server's files, and nothing from elsewhere
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'"
)
DOCS_POLICY = f"{SELF_ONLY_CSP}; font-src 'self' data:; form-action 'self'; frame-ancestors 'self'"
EXPOSED_HEADERS = HeaderSet(
    ["Link", "Preference-Applied", "Retry-After", "X-Ignored", "X-Total-Count"]
)
ALLOWED_METHODS = HeaderSet(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])
PREFLIGHT_SECONDS = 86_400  # that a browser remembers a preflight


def init_app(app: Flask) -> None:
    """Disable MIME sniffing for all responses of an app, and allow the origins in CORS_ORIGINS."""
    app.after_request(add_nosniff)
    app.after_request(add_cors_headers)


def add_security_headers(page: Blueprint) -> None:
    """Restrict the pages of a blueprint to their own server, as sources and as frames."""
    page.after_request(restrict_page)


def add_nosniff(response: Response) -> Response:
    """Add the header that disables MIME sniffing."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def add_cors_headers(response: Response) -> Response:
    """Let pages of the allowed origins read a response, and send what they ask for beforehand."""
    allowed: list[str] = current_app.config["CORS_ORIGINS"]
    is_for_all = allowed == ["*"]
    if not is_for_all:
        response.vary.add("Origin")
    origin = request.environ.get("HTTP_ORIGIN")
    if not origin or not (is_for_all or origin in allowed):
        return response
    response.access_control_allow_origin = "*" if is_for_all else origin
    response.access_control_expose_headers = EXPOSED_HEADERS
    if request.method == "OPTIONS" and request.access_control_request_method:
        response.access_control_allow_methods = ALLOWED_METHODS
        if request.access_control_request_headers:
            response.access_control_allow_headers = request.access_control_request_headers
        response.access_control_max_age = PREFLIGHT_SECONDS
    return response


def restrict_page(response: Response) -> Response:
    """Add the headers to a page or one of its files."""
    response.headers["Content-Security-Policy"] = DOCS_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
