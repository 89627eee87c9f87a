"""Bodies that can't be read as a JSON object, and those that look so but can."""

import io
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from support.apps import Caller, check_error
from support.constants import ONE, UID
from support.servers import Server
from support.stored import Stored

JSON = "application/json"

UNREADABLE: dict[str, list[bytes]] = {  # by the beginning of the reason
    "it is empty.": [b"", b" \n"],
    "unexpected character": [b"archived=true", b'{"archived": NaN}'],
    "unexpected end of data": [b'{"archived": tr'],
    "unexpected content after document": [b"{}{}"],
    "no digit after sign": [b'{"x": [-Infinity]}'],
    "number is infinity": [b'{"x": 1e999}', b'{"x": ' + b"1" * 4301 + b"}"],
    "it has a string that is not valid Unicode.": [
        *(b'{"campaign": "\\ud800"}', b'{"campaign": "\\uDFFF"}', b'{"campaign": "\xff"}'),
        *(b'{"\\ud800": 1}', b'{"follow_up_date": "\\ud800"}', b'["\\udc00"]', b'["\xff"]'),
    ],
    "it is nested too deeply.": [
        b'{"x":' + b"[" * 100_000,
        b'{"x":' + b"[" * 9999 + b"]" * 9999 + b"}",
        b"[" * 2_000,
    ],
    "it begins with a byte order mark: send it in UTF-8 without one.": [
        "{}".encode(encoding) for encoding in ("utf-8-sig", "utf-16", "utf-32")
    ],
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_unreadable_body_gets_400_with_a_reason(owner: Caller, stored: Stored, reason: str) -> None:
    with stored.unchanged():
        for data in UNREADABLE[reason]:
            for uid in (UID, "nothing"):  # before the conversation is looked for
                response = owner.send(uid, data)
                check_error(response, 400, "bad_request")
                message = response.json["errors"][0]["message"]
                assert message.startswith(f"The body can't be read as JSON: {reason}")


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        *((data, JSON, 400, "bad_request") for data in (b"[]", b'"x"', b"null", b"1")),
        (b"{}" + b" " * (2**20 - 1), JSON, 413, "payload_too_large"),
        (b'{"archived": true}', None, 415, "unsupported_media_type"),
        (b"", None, 415, "unsupported_media_type"),
        (b"archived=true", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
    ],
    ids=["array", "string", "null", "number", "over 1 MiB", "no type", "nothing", "form", "text"],
)
def test_other_body_than_an_object_is_rejected(
    owner: Caller, stored: Stored, data: bytes, content_type: str | None, status: int, code: str
) -> None:
    with stored.unchanged():
        for uid in (UID, "nothing"):
            response = owner.send(uid, data, content_type)
            check_error(response, status, code)
    if status == 415:
        assert "Content-Type: application/json" in response.text and "--json" in response.text


@pytest.mark.parametrize("field", ["archived", "campaign", "unknown"])
def test_deep_nesting_causes_no_500(owner: Caller, field: str) -> None:
    for depth in range(980, 1080):
        data = f'{{"{field}": {"[" * depth}{"]" * depth}}}'.encode()
        assert owner.send(UID, data).status_code in (200, 400, 422)


@pytest.mark.parametrize(
    "data",
    [
        b'{"campaign": "\\ud83d\\ude00"}',
        '{"campaign": "😀"}'.encode(),
        b'{"campaign": "\\\\ud800"}',
        b'{"x": ' + b"1" * 308 + b"}",
        b'{"x": 9223372036854775808}',
        b"{}" + b" " * (2**20 - 2),
    ],
    ids=["pair", "emoji", "no escape", "long integer", "2^63", "1 MiB"],
)
def test_readable_bodies_are_accepted(owner: Caller, data: bytes) -> None:
    assert owner.send(UID, data).status_code == 200


def send_stream(app: Flask, token: str, stream: io.BytesIO, length: int | None) -> Any:
    """Send a body that is read on demand, in chunks unless it has a length."""
    headers = [("Authorization", f"Bearer {token}"), ("Content-Type", JSON)]
    builder = EnvironBuilder(ONE, method="PUT", headers=headers, input_stream=stream)
    environ: dict[Any, Any] = builder.get_environ()
    if length is None:
        environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    else:
        environ["CONTENT_LENGTH"] = str(length)
    return run_wsgi_app(app, environ)


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 415), ("identity, br", 415), ("Identity", 200)]
)
def test_415_names_the_unsupported_encoding(owner: Caller, encoding: str, status: int) -> None:
    response = owner.ask("PUT", f"/v2/conversations/{UID}", {}, **{"Content-Encoding": encoding})
    assert response.status_code == status
    is_named = f"without the header 'Content-Encoding: {encoding}'" in response.text
    assert is_named is (status == 415)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("token", "status", "kibibytes", "read"),
    [
        ("demo-owner", 413, 5 * 1024, 5 * 1024),
        ("demo-owner", 413, 34 * 1024, 32 * 1024),
        ("nobody", 401, 60, 60),
        ("nobody", 401, 5 * 1024, 64),
    ],
)
def test_large_body_is_drained(
    app: Flask, token: str, status: int, kibibytes: int, read: int, chunked: bool
) -> None:
    stream = io.BytesIO(b" " * kibibytes * 1024)
    length = None if chunked else kibibytes * 1024
    _, line, headers = send_stream(app, token, stream, length)
    assert line.startswith(str(status))
    already_read = 1024 if chunked and status == 413 else 0  # up to the limit, to see it is over
    assert stream.tell() // 1024 == min(read + already_read, kibibytes)
    assert headers.get("Connection") == ("close" if read < kibibytes else None)


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413), (2**20, 413)])
def test_chunked_body_can_have_1_mib(app: Flask, more: int, status: int) -> None:
    stream = io.BytesIO(b"{}" + b" " * (2**20 - 2 + more))
    data, line, _ = send_stream(app, "demo-owner", stream, None)
    assert line.startswith(str(status))
    message = b"The body is larger than the limit of 1 MiB."
    assert (message in b"".join(data)) is (status == 413)
    app.config["MAX_CONTENT_LENGTH"] = 1
    assert send_stream(app, "demo-owner", io.BytesIO(b"{}"), 2)[1].startswith("413")


CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
MISMATCH = "The body doesn't match its Content-Length or Transfer-Encoding."
BROKEN_TRANSFERS = [
    (CHUNKED + "zz\r\n{}\r\n0\r\n\r\n", MISMATCH),
    (CHUNKED + "-2\r\n{}\r\n0\r\n\r\n", MISMATCH),
    (CHUNKED + "2\r\n{}0\r\n\r\n", MISMATCH),
    (CHUNKED + '11\r\n{"archived":true}\r\n', MISMATCH),
    ('Content-Length: 100\r\n\r\n{"archived":true}', "ended after 17 of 100 bytes"),
]


def test_broken_transfers_get_an_error(server: Server, stored: Stored) -> None:
    with stored.unchanged():
        for transfer, message in BROKEN_TRANSFERS:
            asks = [(ONE, "demo-owner", 400), (ONE, "nobody", 401), ("/nothing", "demo-owner", 404)]
            for path, token, status in asks:
                response = server.exchange(
                    f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    f"Authorization: Bearer {token}\r\nContent-Type: {JSON}\r\n{transfer}"
                )
                assert response.startswith(f"HTTP/1.1 {status} "), (transfer, response)
                assert message in response or status != 400
