"""The steps before and after every request, in their order."""

from flask import Flask, Response
from werkzeug.exceptions import NotFound

from web import access_log, errors
from web.fault_injection import Disconnect
from web.journal_writer import JournalWriter, record_request
from web.record import get_record, start_record
from web.request_body import drain_body, receive_short_body
from web.response_headers import add_headers


def init_app(app: Flask) -> None:
    """Register the steps for all requests of an app."""
    access_log.init_logger()
    app.extensions["journal_writer"] = JournalWriter(app)
    app.register_error_handler(Exception, errors.respond)
    app.before_request(begin_request)
    app.after_request(finish_request)


def begin_request() -> None:
    """Create the record of a request; raise NotFound for a path that begins with two slashes."""
    record = start_record()
    if record.environ["PATH_INFO"].startswith("//"):  # Werkzeug reads one slash
        raise NotFound
    receive_short_body(record)


def finish_request(response: Response) -> Response:
    """Complete a response, and record its request in the journal and the access log."""
    record = get_record()
    add_headers(record, response)
    drain_body(record, response)
    status = None if isinstance(response, Disconnect) else response.status_code
    record_request(record, status)
    access_log.log_request(record, status or 0)
    return response
