"""The body of a request: JSON, read as strictly as its standard defines it."""

from contextlib import suppress
from typing import Any
from wsgiref.types import WSGIEnvironment

import orjson
from flask import after_this_request
from flask.json import loads
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from database.connections import release_connection
from web.record import RequestRecord

DRAIN_BYTES = 16 * 2**20  # of a caller's body, so that the response arrives
UNAUTHENTICATED_DRAIN_BYTES = 64 * 2**10
NOT_JSON = (
    "The body must be JSON: send the header 'Content-Type: application/json' with it (curl does"
    " with --json)."
)
REASONS = {  # by a word of orjson's own
    "empty": "it is empty",
    "surrogate": "it holds a string that is not valid Unicode",
    "depth": "it is nested too deeply",
    "BOM": "it begins with a byte order mark: send it without one",
}
REMEDIES: dict[type, str] = {
    dict: "object: send names and values in braces",
    list: "array: send a list in brackets",
}


class StrictJSONProvider(DefaultJSONProvider):
    """Read and write JSON with orjson, which is as strict as the standard.

    Python's own reader accepts NaN, infinite numbers and lone surrogates, which could not be stored
    or sent back.
    """

    def dumps(self, obj: Any, **_options: Any) -> str:
        """Return the JSON of what the schemas dump."""
        return orjson.dumps(obj, default=dict).decode()  # `dict` of what a JSON column holds

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Return what JSON means; raise ValueError, with the reason, for anything else."""
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            known = (reason for word, reason in REASONS.items() if word in str(error))
            raise ValueError(next(known, str(error))) from None


def receive_short_body(record: RequestRecord) -> None:
    """Receive a body of at most 64 KiB, from anyone, before the request holds a connection."""
    request = record.request
    if 0 < (request.content_length or 0) <= UNAUTHENTICATED_DRAIN_BYTES:
        with suppress(Exception):  # `_read_body` raises it again
            record.raw_body = request.get_data()
            record.is_body_read = len(record.raw_body) == request.content_length


def read_json(record: RequestRecord, kind: type, *, is_required: bool = True) -> Any:
    """Return the request's JSON object or array (`kind`); raise 415, 413 or 400."""
    request = record.request
    if not is_required and not request.content_type and not _has_body(record.environ):
        return kind()
    if not request.is_json:
        raise UnsupportedMediaType(NOT_JSON)
    data = _read_body(record)
    try:
        body = loads(data)
    except ValueError as error:
        raise BadRequest(f"The body can't be read as JSON: {error}.") from None
    if not isinstance(body, kind):
        raise BadRequest(f"The body must be a JSON {REMEDIES[kind]}.")
    return body


def _has_body(environ: WSGIEnvironment) -> bool:
    length = environ.get("CONTENT_LENGTH", "0")
    return length not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ


def close_connection(response: Response) -> Response:
    """Close a connection on which the next request can't be found."""
    response.headers["Connection"] = "close"
    return response


def drain_body(record: RequestRecord, response: Response) -> None:
    """Drop a body that was not read, so that its sender gets the response."""
    environ = record.environ
    if _has_body(environ) and (not record.is_body_read or response.status_code == 413):
        release_connection()
        left = DRAIN_BYTES if record.known_caller else UNAUTHENTICATED_DRAIN_BYTES
        try:
            stream = get_input_stream(environ)
            while chunk := stream.read(min(left, 2**16)):
                record.raw_body = record.raw_body or chunk
                left -= len(chunk)
        except Exception:  # each WSGI server has errors of its own
            left = 0
        if left <= 0:  # the sender has more
            close_connection(response)


def _read_body(record: RequestRecord) -> bytes:
    """Return the complete body; raise 413 or 400 if it is too long or does not arrive completely.

    It may take seconds to arrive, so the database connection is released first.
    """
    request = record.request
    if record.raw_body is None:
        release_connection()
    record.is_body_read = True
    try:
        data = request.get_data()
        if len(data) == request.max_content_length and "wsgi.input_terminated" in record.environ:
            if record.environ["wsgi.input"].read(1):  # Werkzeug cuts a chunked body at the limit
                raise RequestEntityTooLarge
    except RequestEntityTooLarge:
        raise
    except Exception:  # each WSGI server has errors of its own for a malformed transfer
        after_this_request(close_connection)
        raise BadRequest("The body can't be read: it does not arrive as its headers say.") from None
    if len(data) < (request.content_length or 0):
        after_this_request(close_connection)
        raise BadRequest(
            f"The body broke off after {len(data):,} of {request.content_length:,} bytes."
        )
    record.raw_body = data
    return data
