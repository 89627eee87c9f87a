"""Clients that are slow, silent or wait for something keep nobody else waiting."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.neighbours import make_largest
from support.constants import UID
from support.delay_app import DELAY_SECONDS
from support.servers import Server
from support.stored import Stored

HEAD = f"PUT /v2/conversations/{UID} HTTP/1.1\r\nHost: localhost\r\n"
TOKEN = "Authorization: Bearer demo-owner\r\n"
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


@pytest.fixture(scope="module")
def patient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("slow") / "conversations.db"
    server = Server(
        path, "support.delay_app:create_delaying_app()", WEB_CONCURRENCY="2", PYTHONPATH="tests"
    )
    yield server
    assert "Traceback" not in server.stop()


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
    begun = time.monotonic()
    for number in range(10):
        assert server.get("demo-owner", f"/v2/conversations/{UID}", timeout=5) == 200
        fields = {"business_unread": bool(number % 2)}
        assert server.put("demo-owner", UID, fields, timeout=5) == 200
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("what", SLOW)
def test_slow_clients_keep_nobody_waiting(patient_server: Server, what: str) -> None:
    with slow_clients(patient_server, *SLOW[what]):
        check_others_are_served(patient_server)


def test_all_slow_clients_together_keep_nobody_waiting(patient_server: Server) -> None:
    with ExitStack() as stack:
        for number, sent in SLOW.values():
            stack.enter_context(slow_clients(patient_server, number, sent))
        check_others_are_served(patient_server)


@pytest.mark.long
def test_thousands_of_silent_connections_keep_nobody_waiting(patient_server: Server) -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with slow_clients(patient_server, min(2000, most // 2), ""):
        check_others_are_served(patient_server)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def test_delays_keep_nobody_waiting(patient_server: Server) -> None:
    with ThreadPoolExecutor(100) as pool:
        delayed = [
            pool.submit(patient_server.get, "demo-owner", "/delay", timeout=30) for _ in range(100)
        ]
        check_others_are_served(patient_server)
        begun = time.monotonic()
        assert {each.result() for each in delayed} == {200}
        assert time.monotonic() - begun < 4 * DELAY_SECONDS  # and not one after the other


@pytest.mark.long
@pytest.mark.parametrize("what", ["half a line", "half a body", "half a body of a stranger"])
def test_a_request_that_does_not_arrive_ends_the_connection(
    patient_server: Server, what: str
) -> None:
    _, sent = SLOW[what]
    with slow_clients(patient_server, 1, sent) as [client]:
        client.settimeout(8)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(8)
        read = b"".join(iter(partial(client.recv, 2**16), b""))  # until it closes
    assert read == b"" or read.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))


@pytest.mark.long
def test_a_response_that_is_not_taken_ends_the_connection(patient_server: Server) -> None:
    with slow_clients(patient_server, 1, LONG * 8) as [client]:
        time.sleep(33)
        client.settimeout(8)
        read = 0
        with pytest.raises(ConnectionResetError):
            while chunk := client.recv(2**16):
                read += len(chunk)
            raise ConnectionResetError
        assert read < 8 * 1_000_000


def test_a_connection_serves_one_request_after_another(patient_server: Server) -> None:
    one = f"GET /v2/conversations/{UID} HTTP/1.1\r\nHost: localhost\r\n{TOKEN}"
    response = patient_server.exchange(f"{one}\r\n" * 20 + f"{one}Connection: close\r\n\r\n")
    assert response.count("HTTP/1.1 200 OK\r\n") == 21
    assert response.count("Connection: keep-alive") == 20
    assert "Server:" not in response


def test_a_connection_without_a_request_closes(stored: Stored) -> None:
    arguments = "--graceful-timeout 2 --keep-alive 1"
    server = Server(stored.path, WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=arguments)
    begun = time.monotonic()
    with slow_clients(server, 1, "") as [client]:
        client.settimeout(8)
        assert client.recv(1) == b""
    assert 0.9 < time.monotonic() - begun < 2
    server.stop()


def test_a_stop_takes_no_time_without_requests(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="2")
    one = f"GET /v2/conversations/{UID} HTTP/1.1\r\nHost: localhost\r\n{TOKEN}\r\n"
    with slow_clients(server, 3, ""), slow_clients(server, 3, one):
        time.sleep(0.2)
        begun = time.monotonic()
        server.stop()
    assert time.monotonic() - begun < 1


REJECTED = {
    f"GET /{'x' * 8200} HTTP/1.1\r\n\r\n": "414 URI Too Long",
    f"GET / HTTP/1.1\r\nX: {'x' * 8200}\r\n\r\n": "431 Request Header Fields Too Large",
    "GET / HTTP/1.1\r\nExpect: a token\r\n\r\n": "417 Expectation Failed",
    "GET / HTTP/1.1\r\nAuthorization Bearer demo-owner\r\n\r\n": "400 Bad Request",
    "GET / HTTP/1.1\r\nAuthorization: Bearer\r\n demo-owner\r\n\r\n": "400 Bad Request",
    "GET /?token=demo-owner\r\n\r\n": "400 Bad Request",
    "PUT / HTTP/1.1\r\nTransfer-Encoding: demo-owner\r\n\r\n": "501 Not Implemented",
}


def test_what_is_not_http_is_rejected_and_logged_without_its_content(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="1")
    begin = len(server.output)
    for request, status in REJECTED.items():
        response = server.exchange(request)
        assert response.startswith(f"HTTP/1.1 {status}\r\n"), response
        assert "X-Content-Type-Options: nosniff" in response
    log = server.stop()[begin:]
    assert log.count("Rejected a request from 127.0.0.1: ") == len(REJECTED)
    assert "demo-owner" not in log


@pytest.mark.long
def test_writers_wait_five_seconds_and_readers_do_not(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="2")
    before = stored.everything()

    def write(number: int) -> tuple[int, float]:
        begun = time.monotonic()
        return server.put("demo-owner", UID, {"campaign": str(number)}), time.monotonic() - begun

    with ThreadPoolExecutor(10) as pool, stored.locked():
        writes = [pool.submit(write, number) for number in range(10)]
        while not all(each.done() for each in writes):
            assert server.get("demo-owner", f"/v2/conversations/{UID}", timeout=2) == 200
    results: list[Any] = [each.result() for each in writes]
    assert {status for status, _ in results} == {503}
    assert all(4.5 < seconds < 8 for _, seconds in results), results
    assert stored.everything() == before
    assert server.put("demo-owner", UID, {"campaign": "then"}) == 200
    server.stop()


def test_a_clean_stop_leaves_everything_in_one_file(tmp_path: Path) -> None:
    server = Server(tmp_path / "conversations.db", WEB_CONCURRENCY="2")
    assert server.put("demo-owner", UID, {"campaign": "stored"}) == 200
    with slow_clients(server, 3, ""):  # which end with the server
        server.stop()
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


@pytest.mark.parametrize("send", [send_one_byte_chunks, put_largest_state])
def test_others_are_served_while_a_process_works_for_long(
    stored: Stored, send: Callable[[Server], None]
) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="1")
    server.get("demo-owner@large", "/v2/conversations")
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(send, server)
        statuses: list[int] = []
        while not work.done():
            statuses.append(server.put("demo-owner", UID, {"campaign": str(len(statuses))}))
        work.result()
    server.stop()
    assert set(statuses) == {200} and len(statuses) > 5
