"""Slow, idle and waiting clients do not block others."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from bench.neighbours import make_largest
from support.constants import ONE, UID
from support.servers import Server
from support.stored import Stored
from support.threads import repeat_during, run_at_once

HEAD = f"PUT {ONE} HTTP/1.1\r\nHost: localhost\r\n"
TOKEN = "Authorization: Bearer demo-owner\r\n"
GET = f"GET {ONE} HTTP/1.1\r\nHost: localhost\r\n{TOKEN}"
JSON = "Content-Type: application/json\r\n"
BODY = f"{JSON}Content-Length: 1000\r\n\r\n"
LONG = f"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n{TOKEN}\r\n"
SLOW = {
    "half a line": (30, "PUT /v2/conv"),
    "half a head": (30, f"{HEAD}Authorization: Bea"),
    "no body": (30, f"{HEAD}{TOKEN}{BODY}"),
    "half a body": (30, f"{HEAD}{TOKEN}{BODY}" + '{"archived": tr'),
    "half a body of a stranger": (30, f"{HEAD}{BODY}" + '{"archived": tr'),
    "half a chunk": (30, f"{HEAD}{TOKEN}{JSON}Transfer-Encoding: chunked\r\n\r\n100\r\n" + '{"ar'),
    "responses that are not read": (30, LONG * 8),
    "silence": (200, ""),
}


@contextmanager
def slow_clients(server: Server, number: int, sent: str) -> Iterator[list[socket.socket]]:
    """Open connections that send something, and then neither send nor read."""
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(number)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(sent.encode())
        yield clients


def check_others_are_served(server: Server) -> None:
    """Fail unless reads and writes get their responses long before any slow client is given up."""
    for number in range(10):
        assert server.get("demo-owner", ONE, timeout=5) == 200
        assert server.put("demo-owner", UID, {"mobile": bool(number % 2)}, timeout=5) == 200


@pytest.mark.parametrize("cases", [*([case] for case in SLOW), SLOW], ids=lambda each: [*each][0])
def test_slow_clients_do_not_block_others(shared_server: Server, cases: list[str]) -> None:
    with ExitStack() as stack:
        for case in cases:
            stack.enter_context(slow_clients(shared_server, *SLOW[case]))
        check_others_are_served(shared_server)


@pytest.mark.long
def test_thousands_of_idle_connections_do_not_block_others(shared_server: Server) -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with slow_clients(shared_server, min(2000, most // 2), ""):
        check_others_are_served(shared_server)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.mark.long
def test_incomplete_requests_time_out(shared_server: Server) -> None:
    def check(case: str) -> None:
        with slow_clients(shared_server, 1, SLOW[case][1]) as [client]:
            client.settimeout(8)
            with pytest.raises(TimeoutError):
                client.recv(1)
            read = b"".join(iter(partial(client.recv, 2**16), b""))  # until it closes
        assert read == b"" or read.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))

    cases = ("half a line", "half a body", "half a body of a stranger")
    run_at_once(*(partial(check, case) for case in cases))


@pytest.mark.long
def test_unread_response_times_out(shared_server: Server) -> None:
    with slow_clients(shared_server, 1, LONG * 8) as [client]:
        time.sleep(33)
        client.settimeout(8)
        read = 0
        with pytest.raises(ConnectionResetError):
            while chunk := client.recv(2**16):
                read += len(chunk)
            raise ConnectionResetError
        assert read < 8 * 1_000_000


def test_connection_serves_consecutive_requests(shared_server: Server) -> None:
    response = shared_server.exchange(f"{GET}\r\n" * 20 + f"{GET}\r\n".replace("1.1", "1.0"))
    assert [response.count(f"HTTP/{each} 200 OK\r\n") for each in ("1.1", "1.0")] == [20, 1]
    assert response.count("Connection: keep-alive") == 20
    assert "Server:" not in response


def test_idle_connection_times_out(stored: Stored) -> None:
    arguments = "--graceful-timeout 2 --keep-alive 1"
    with Server(stored.path, WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=arguments) as server:
        with slow_clients(server, 1, "") as [client]:
            client.settimeout(8)
            assert client.recv(1) == b""


REJECTED = {
    f"GET /{'x' * 8200} HTTP/1.1\r\n\r\n": "414 URI Too Long",
    f"GET / HTTP/1.1\r\nX: {'x' * 8200}\r\n\r\n": "431 Request Header Fields Too Large",
    "GET / HTTP/1.1\r\nExpect: a token\r\n\r\n": "417 Expectation Failed",
    "GET / HTTP/1.1\r\nAuthorization Bearer demo-owner\r\n\r\n": "400 Bad Request",
    "GET / HTTP/1.1\r\nAuthorization: Bearer\r\n demo-owner\r\n\r\n": "400 Bad Request",
    "GET /?token=demo-owner\r\n\r\n": "400 Bad Request",
    "PUT / HTTP/1.1\r\nTransfer-Encoding: demo-owner\r\n\r\n": "501 Not Implemented",
}


def test_invalid_http_is_rejected_and_logged_without_content(stored: Stored) -> None:
    with Server(stored.path, WEB_CONCURRENCY="1") as server:
        begin = len(server.output)
        for request, status in REJECTED.items():
            response = server.exchange(request)
            assert response.startswith(f"HTTP/1.1 {status}\r\n"), response
            assert "X-Content-Type-Options: nosniff" in response
        log = server.stop()[begin:]
    assert log.count("Rejected a request from 127.0.0.1: ") == len(REJECTED)
    assert "demo-owner" not in log


def test_clean_stop_leaves_all_data_in_one_file(tmp_path: Path) -> None:
    server = Server(tmp_path / "conversations.db")
    assert server.put("demo-owner", UID, {"campaign": "stored"}) == 200
    with slow_clients(server, 3, ""), slow_clients(server, 3, f"{GET}\r\n"):
        server.stop()  # which ends the connections
    if list(tmp_path.iterdir()):  # none on PostgreSQL
        assert [path.name for path in tmp_path.iterdir()] == ["conversations.db"]
    assert Stored(tmp_path / "conversations.db").conversation(UID)["campaign"] == "stored"


def send_one_byte_chunks(server: Server) -> None:
    body = "1\r\n{\r\n1\r\n}\r\n" + "1\r\n \r\n" * 500_000 + "0\r\n\r\n"
    head = f"{HEAD}{TOKEN}{JSON}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert server.exchange(head + body).startswith("HTTP/1.1 200 ")


def put_largest_state(server: Server) -> None:
    state = make_largest("x" * 100)
    assert server.ask("demo-owner@large", "PUT", "/__admin/state", state)[0] == 200


@pytest.mark.parametrize(
    "send", [send_one_byte_chunks, pytest.param(put_largest_state, marks=pytest.mark.long)]
)
def test_long_work_yields_to_other_requests(stored: Stored, send: Callable[[Server], None]) -> None:
    statuses: list[int] = []
    with Server(stored.path, WEB_CONCURRENCY="1") as server:
        server.get("demo-owner@large", "/v2/conversations")
        repeat_during(
            partial(send, server),
            lambda: statuses.append(server.put("demo-owner", UID, {"campaign": "x"})),
        )
    assert set(statuses) == {200} and len(statuses) > 5
