"""A client of the worker: its socket, with limited time, and the responses that it gets."""

from collections.abc import Callable
from errno import ECONNRESET
from time import monotonic
from typing import Any, TypeVar

from gevent import socket
from gunicorn.http import wsgi

REQUEST_TIMEOUT = 10.0  # seconds that a request may take to arrive, from its first byte
SEND_TIMEOUT = 30.0  # seconds that a client may take to read a response
T = TypeVar("T")


class ClientSocket(socket.socket):
    """A connection that raises ConnectionResetError where the client takes too long.

    Time that the application spends between two calls does not count.
    """

    def __init__(self, accepted: socket.socket, idle: set["ClientSocket"]) -> None:
        super().__init__(accepted.family, accepted.type, fileno=accepted.detach())
        self.idle = idle  # the connections that wait for the first byte of a request
        self.expect_request()

    def expect_request(self) -> None:
        """Restart the time limits."""
        self.has_begun = False
        self.seconds_left = {"request": REQUEST_TIMEOUT, "response": SEND_TIMEOUT}

    def recv(self, *arguments: Any) -> bytes:
        """Return the next bytes of a request; let others run before its first one."""
        if not self.has_begun:
            self.idle.add(self)
            try:
                socket.wait_read(self.fileno())  # yields even if there is data
            finally:
                self.idle.remove(self)
            self.has_begun = True
        return self._limit("request", super().recv, *arguments)

    def sendall(self, *arguments: Any) -> None:
        """Send a part of a response."""
        self._limit("response", super().sendall, *arguments)

    def _limit(self, name: str, call: Callable[..., T], *arguments: Any) -> T:
        started = monotonic()
        self.settimeout(max(self.seconds_left[name], 0.001))
        try:
            return call(*arguments)
        except TimeoutError:
            raise ConnectionResetError(ECONNRESET, f"The {name} took too long.") from None
        finally:
            self.seconds_left[name] -= monotonic() - started


class Response(wsgi.Response):
    """A response without the server's name, after which the application may close."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Apply the application's `Connection: close`, which gunicorn ignores."""
        super().process_headers(headers)
        self.must_close |= ("Connection", "close") in headers

    def default_headers(self) -> list[str]:
        """Return the lines that every response begins with."""
        return [line for line in super().default_headers() if not line.startswith("Server:")]
