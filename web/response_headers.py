"""The headers for browsers and caches: CORS, CSP and caching."""

from flask import Response
from werkzeug.http import parse_set_header

from web.record import RequestRecord

SELF_ONLY_CSP = (  # pages may load only this server's files
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'"
)
DOCS_POLICY = f"{SELF_ONLY_CSP}; font-src 'self' data:; form-action 'self'; frame-ancestors 'self'"
EXPOSED_HEADERS = parse_set_header(
    "Link, Preference-Applied, Retry-After, WWW-Authenticate, X-Fault, X-Ignored, X-Total-Count"
)
ALLOWED_METHODS = parse_set_header("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")


def add_headers(record: RequestRecord, response: Response) -> None:
    """Add the headers in a request's record, those of every response, and CORS_ORIGINS's."""
    headers = response.headers
    if record.ignored:
        headers["X-Ignored"] = ", ".join(record.ignored)
    if record.applied:
        headers["Preference-Applied"] = ", ".join(record.applied)
    headers.update(record.headers)
    headers["X-Content-Type-Options"] = "nosniff"
    allowed: list[str] = record.config["CORS_ORIGINS"]
    is_for_all = allowed == ["*"]
    if not is_for_all:
        response.vary.add("Origin")
    request = record.request
    origin = record.environ.get("HTTP_ORIGIN")
    if not origin or not (is_for_all or origin in allowed):
        return
    response.access_control_allow_origin = "*" if is_for_all else origin
    response.access_control_expose_headers = EXPOSED_HEADERS
    if not is_for_all:
        response.access_control_allow_credentials = True
        if record.environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
            response.headers["Access-Control-Allow-Private-Network"] = "true"
    if request.method == "OPTIONS" and request.access_control_request_method:
        response.access_control_allow_methods = ALLOWED_METHODS
        if request.access_control_request_headers:
            response.access_control_allow_headers = request.access_control_request_headers
        response.access_control_max_age = 86_400  # seconds


def restrict_page(response: Response) -> Response:
    """Restrict the sources and frames of a page under /docs/ to this server."""
    response.headers["Content-Security-Policy"] = DOCS_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
