"""Bodies that can't be read as a JSON object, and those that look so but can."""

import io
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from support.callers import Caller
from support.constants import UID
from support.servers import Server
from support.stored import Stored

UNREADABLE_BODIES: dict[str, tuple[bytes, str | None, int]] = {
    "empty": (b"", "application/json", 400),
    "blank": (b" \n", "application/json", 400),
    "not JSON": (b"archived=true", "application/json", 400),
    "cut off": (b'{"archived": tr', "application/json", 400),
    "array": (b"[]", "application/json", 400),
    "string": (b'"x"', "application/json", 400),
    "null": (b"null", "application/json", 400),
    "number": (b"1", "application/json", 400),
    "two objects": (b"{}{}", "application/json", 400),
    "lone surrogate": (b'{"campaign": "\\ud800"}', "application/json", 400),
    "lone surrogate, upper case": (b'{"campaign": "\\uDFFF"}', "application/json", 400),
    "lone surrogate in an unknown field": (b'{"\\ud800": 1}', "application/json", 400),
    "lone surrogate in the date": (b'{"follow_up_date": "\\ud800"}', "application/json", 400),
    "NaN": (b'{"archived": NaN}', "application/json", 400),
    "Infinity": (b'{"x": [-Infinity]}', "application/json", 400),
    "too large a number": (b'{"x": 1e999}', "application/json", 400),
    "too long an integer": (b'{"x": ' + b"1" * 4301 + b"}", "application/json", 400),
    "nested": (b'{"x":' + b"[" * 100_000, "application/json", 400),
    "nested and closed": (b'{"x":' + b"[" * 9999 + b"]" * 9999 + b"}", "application/json", 400),
    "invalid UTF-8": (b'{"campaign": "\xff"}', "application/json", 400),
    "UTF-16": ('{"archived": true}'.encode("utf-16"), "application/json", 400),
    "over 1 MiB": (b"{}" + b" " * (2**20 - 1), "application/json", 413),
    "no type": (b'{"archived": true}', None, 415),
    "nothing at all": (b"", None, 415),
    "form": (b"archived=true", "application/x-www-form-urlencoded", 415),
    "text": (b"{}", "text/plain", 415),
}
CODES: dict[int, str] = {
    400: "bad_request",
    413: "payload_too_large",
    415: "unsupported_media_type",
}


@pytest.mark.parametrize(
    ("data", "content_type", "status"), UNREADABLE_BODIES.values(), ids=list(UNREADABLE_BODIES)
)
def test_unreadable_bodies(
    owner: Caller, stored: Stored, data: bytes, content_type: str | None, status: int
) -> None:
    before = stored.everything()
    for uid in (UID, "nothing"):  # before the conversation is looked for
        response = owner.send(uid, data, content_type)
        assert response.status_code == status
        assert response.content_type == "application/json"
        [error] = response.json["errors"]
        assert error["code"] == CODES[status]
        assert error["message"].endswith(".")
    assert stored.everything() == before


@pytest.mark.parametrize("field", ["archived", "campaign", "unknown"])
def test_no_depth_of_nesting_is_too_much(owner: Caller, field: str) -> None:
    for depth in range(900, 1000):
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
def test_readable_bodies(owner: Caller, data: bytes) -> None:
    assert owner.send(UID, data).status_code == 200


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b'["\\udc00"]', "it holds a string that is not valid Unicode"),
        (b'["\xff"]', "it holds a string that is not valid Unicode"),
        (b"[" * 2_000, "it is nested too deeply"),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark: send it without one"),
    ],
)
def test_400_gives_the_reason(owner: Caller, data: bytes, reason: str) -> None:
    [error] = owner.send(UID, data).json["errors"]
    assert error["message"] == f"The body can't be read as JSON: {reason}."


def test_415_says_what_to_send(owner: Caller) -> None:
    [error] = owner.send(UID, b"{}", None).json["errors"]
    assert "Content-Type: application/json" in error["message"]
    assert "--json" in error["message"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
@pytest.mark.parametrize("path", [f"/v2/conversations/{UID}", "/__admin/clock"])
def test_415_names_the_encoding_to_leave_out(owner: Caller, path: str, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    response = owner.ask("PUT", path, {"now": "2031-01-01"}, **headers)
    assert response.status_code == 415
    [error] = response.json["errors"]
    assert f"without the header 'Content-Encoding: {encoding}'" in error["message"]
    headers = {"Content-Encoding": "Identity"}
    assert owner.ask("PUT", path, {"now": "2031-01-01"}, **headers).status_code == 200


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
def test_a_large_body_is_read_and_dropped(
    app: Flask, token: str, status: int, kibibytes: int, read: int, chunked: bool
) -> None:
    stream = io.BytesIO(b" " * kibibytes * 1024)
    environ: dict[Any, Any] = EnvironBuilder(
        f"/v2/conversations/{UID}",
        method="PUT",
        headers=[("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")],
        input_stream=stream,
    ).get_environ()
    if chunked:
        environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    else:
        environ["CONTENT_LENGTH"] = str(kibibytes * 1024)
    _, line, headers = run_wsgi_app(app, environ)
    assert line.startswith(str(status))
    already_read = 1024 if chunked and status == 413 else 0  # up to the limit, to see it is over
    assert stream.tell() // 1024 == min(read + already_read, kibibytes)
    assert headers.get("Connection") == ("close" if read < kibibytes else None)


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413), (2**20, 413)])
def test_a_chunked_body_may_have_1_mib(app: Flask, more: int, status: int) -> None:
    environ: dict[Any, Any] = EnvironBuilder(
        f"/v2/conversations/{UID}",
        method="PUT",
        headers=[("Authorization", "Bearer demo-owner"), ("Content-Type", "application/json")],
        input_stream=io.BytesIO(b"{}" + b" " * (2**20 - 2 + more)),
    ).get_environ()
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    data, line, _ = run_wsgi_app(app, environ)
    assert line.startswith(str(status))
    message = b"The body is larger than 1 MiB, which is the most that is read."
    assert (message in b"".join(data)) is (status == 413)


CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"


BROKEN_TRANSFERS = [
    (CHUNKED + "zz\r\n{}\r\n0\r\n\r\n", "it does not arrive as its headers say"),
    (CHUNKED + "-2\r\n{}\r\n0\r\n\r\n", "it does not arrive as its headers say"),
    (CHUNKED + "2\r\n{}0\r\n\r\n", "it does not arrive as its headers say"),
    (CHUNKED + '11\r\n{"archived":true}\r\n', "The body can't be read"),
    ('Content-Length: 100\r\n\r\n{"archived":true}', "broke off after 17 of 100 bytes"),
]


def test_broken_transfers_get_an_error(server: Server, stored: Stored) -> None:
    before = stored.everything()
    for transfer, message in BROKEN_TRANSFERS:
        for path, token, status in [
            (f"/v2/conversations/{UID}", "demo-owner", 400),
            (f"/v2/conversations/{UID}", "nobody", 401),
            ("/nothing", "demo-owner", 404),
        ]:
            response = server.exchange(
                f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n{transfer}"
            )
            assert response.startswith(f"HTTP/1.1 {status} "), (transfer, response)
            assert message in response or status != 400
    assert stored.everything() == before
