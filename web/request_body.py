"""The body of a request: strict JSON."""

import gc
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

import orjson
from flask import Response, after_this_request
from flask.json import loads
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wsgi import get_input_stream

from database.connections import release_connection
from database.statements import cooperatively
from web.record import RequestRecord

PIECE_BYTES = 2**14  # of a body in one-byte chunks between yields
KEPT_BYTES = 2**16  # of a body, for the request journal
MAX_CONTAINERS = 1_000_000  # brackets in a body
ORDER_MARKS = (BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE, BOM_UTF32_BE)
DRAIN_BYTES = 32 * 2**20  # of a caller's rejected body, so that the response arrives
UNAUTHENTICATED_DRAIN_BYTES = 64 * 2**10
NOT_JSON = (
    "The body must be JSON: send the header 'Content-Type: application/json' with it (curl does"
    " with --json)."
)
ORDER_MARKED = "it begins with a byte order mark: send it in UTF-8 without one"
BROKEN_TRANSFER = "The body doesn't match its Content-Length or Transfer-Encoding."
ENCODED = "The body must not be encoded: send it without the header 'Content-Encoding: {:.40}'."
REASONS = {  # by a word of orjson's own
    "empty": "it is empty",
    "surrogate": "it has a string that is not valid Unicode",
    "depth": "it is nested too deeply",
}
REMEDIES: dict[type, str] = {
    dict: "object: send names and values in braces",
    list: "array: send a list in brackets",
}


class StrictJSONProvider(DefaultJSONProvider):
    """Read and write JSON with orjson, which is strict.

    Python's own reader accepts NaN, infinities and lone surrogates, which can't be stored or sent.
    """

    def dumps(self, obj: Any, **_options: Any) -> str:
        """Return dumped data as JSON."""
        return orjson.dumps(obj).decode()

    def response(self, *args: Any, **_options: Any) -> Response:
        """Return a response with dumped data as JSON."""
        [data] = args
        line = orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)
        return Response(line, content_type="application/json")

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Parse JSON; raise ValueError with the reason."""
        gc.disable()  # collections would scan the growing data again and again
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            if isinstance(s, bytes) and s.startswith(ORDER_MARKS):
                raise ValueError(ORDER_MARKED) from None
            known = (reason for word, reason in REASONS.items() if word in str(error))
            raise ValueError(next(known, str(error))) from None
        finally:
            gc.enable()


def receive_short_body(record: RequestRecord) -> None:
    """Receive a body of at most 64 KiB before the request takes a database connection."""
    length = record.request.content_length or 0
    limit = record.config["MAX_CONTENT_LENGTH"] or 0
    if 0 < length <= min(limit, UNAUTHENTICATED_DRAIN_BYTES):
        with suppress(Exception):  # `_read_body` raises it again
            record.raw_body = record.environ["wsgi.input"].read(length)
            record.is_body_read = len(record.raw_body) == length


def read_json(record: RequestRecord, kind: type, *, is_required: bool = True) -> Any:
    """Return the request's JSON object or array (`kind`); raise 415, 413 or 400."""
    request = record.request
    if request.is_json or not is_required:
        data = _read_body(record)
        if not (data or is_required):
            return kind()
    encoding = record.environ.get("HTTP_CONTENT_ENCODING", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(ENCODED.format(encoding))
    if not request.is_json:
        raise UnsupportedMediaType(NOT_JSON)
    if data.count(b"{") + data.count(b"[") > MAX_CONTAINERS:  # of at least 64 bytes
        raise BadRequest(f"The body must have at most {MAX_CONTAINERS:,} objects and arrays.")
    try:
        body = loads(data)
    except ValueError as error:
        raise BadRequest(f"The body can't be read as JSON: {error}.") from None
    if not isinstance(body, kind):
        raise BadRequest(f"The body must be a JSON {REMEDIES[kind]}.")
    return body


def close_connection(response: Response) -> Response:
    """Close the connection after the response, as the next request can't be found."""
    response.headers["Connection"] = "close"
    return response


def drain_body(record: RequestRecord, response: Response) -> None:
    """Discard an unread body, so that its sender gets the response."""
    environ = record.environ
    is_empty = environ.get("CONTENT_LENGTH", "") in ("", "0")
    if is_empty and "HTTP_TRANSFER_ENCODING" not in environ:
        return
    if not record.is_body_read:
        release_connection()
        left = DRAIN_BYTES if record.known_caller else UNAUTHENTICATED_DRAIN_BYTES
        try:
            for piece in cooperatively(_read_pieces(get_input_stream(environ), left)):
                record.raw_body = record.raw_body or piece
                left -= len(piece)
        except Exception:  # WSGI servers have their own errors
            left = 0
        if left <= 0:  # the sender has more
            close_connection(response)


def _read_body(record: RequestRecord) -> bytes:
    """Return the full body; raise 413 if it is too long, 400 if it is incomplete."""
    request = record.request
    data = record.raw_body or b""
    if record.is_body_read:
        return data
    release_connection()  # the body may take seconds to arrive
    limit, length = request.max_content_length or 0, request.content_length or 0
    if length > limit:
        raise RequestEntityTooLarge
    record.is_body_read = True
    try:
        pieces = _read_pieces(get_input_stream(record.environ), limit + 1)
        data += b"".join(cooperatively(pieces))
    except Exception:  # WSGI servers have their own errors
        after_this_request(close_connection)
        raise BadRequest(BROKEN_TRANSFER) from None
    if len(data) > limit:
        record.is_body_read = False  # `drain_body` discards the rest
        raise RequestEntityTooLarge
    if len(data) < length:
        after_this_request(close_connection)
        raise BadRequest(f"The body ended after {len(data):,} of {length:,} bytes.")
    record.raw_body = data[:KEPT_BYTES]
    return data


def _read_pieces(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    while piece := stream.read(min(limit, PIECE_BYTES)):
        yield piece
        limit -= len(piece)
