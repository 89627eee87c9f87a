"""Clients that are slow, or silent, or never read, keep nobody else waiting."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from support.constants import UID
from support.servers import Server

PATIENCE = 5  # seconds in which a request is answered that nobody holds up
HEAD = f"PUT /v2/conversations/{UID} HTTP/1.1\r\nHost: localhost\r\n"
TOKEN = "Authorization: Bearer demo-owner\r\n"
BODY = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
LONG = f"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n{TOKEN}\r\n"
SLOW = {
    "half a line": (30, "PUT /v2/conv"),
    "half a head": (30, f"{HEAD}Authorization: Bea"),
    "no body": (30, f"{HEAD}{TOKEN}{BODY}"),
    "half a body": (30, f"{HEAD}{TOKEN}{BODY}" + '{"archived": tr'),
    "half a body of a stranger": (30, f"{HEAD}{BODY}" + '{"archived": tr'),
    "half a chunk": (30, f"{HEAD}{TOKEN}Transfer-Encoding: chunked\r\n\r\n100\r\n" + '{"arch'),
    "a response that is not read": (30, LONG),
    "silence": (200, ""),
}


@pytest.fixture(scope="module")
def server(seeded_database: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("slow") / "conversations.db"
    server = Server(path, WEB_CONCURRENCY="2")
    yield server
    server.stop()


@contextmanager
def slow_clients(server: Server, number: int, sent: str) -> Iterator[list[socket.socket]]:
    """Open connections that send something, and then neither send nor read."""
    with ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(sent.encode())
            clients.append(client)
        yield clients
