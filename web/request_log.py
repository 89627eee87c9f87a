"""The log: one line for each request, with nothing of its token or its body."""

import logging
from time import perf_counter
from urllib.parse import quote

from flask import Flask, Response, g, request

LOGGER = logging.getLogger("request_log")
LINE = "%s %s %s %.1f ms %s"


def init_app(app: Flask) -> None:
    """Let an app log each request: method, path, status, milliseconds and business."""
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler())
        LOGGER.setLevel(logging.INFO)
    app.before_request(start_clock)
    app.after_request(log_request)


def start_clock() -> None:
    """Note when a request began."""
    g.begun = perf_counter()


def log_request(response: Response) -> Response:
    """Log a request that has its response."""
    environ = request.environ
    caller = g.get("caller")
    path = environ["PATH_INFO"].encode("latin-1")  # as WSGI has it, byte by byte
    milliseconds = (perf_counter() - g.begun) * 1000
    business = caller.business_uid if caller else "-"
    words = (environ["REQUEST_METHOD"], quote(path), response.status_code, milliseconds, business)
    # `LOGGER.info` would also look for the line of code that logs.
    LOGGER.handle(LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, LINE, words, None))
    return response
