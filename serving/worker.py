"""A gunicorn worker with a greenlet and time limits for each connection."""

from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from errno import ECONNRESET
from functools import lru_cache, partial
from time import monotonic, time
from types import SimpleNamespace
from typing import Any, TypeVar

from gevent import sleep, socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker

REQUEST_TIMEOUT = 10.0  # seconds for a request to arrive, from its first byte
SEND_TIMEOUT = 30.0  # seconds for a client to read a response
T = TypeVar("T")
format_date = lru_cache(maxsize=1)(partial(formatdate, usegmt=True))  # in a header, once a second
REJECTIONS = {  # all others are 400
    errors.LimitRequestLine: ("414 URI Too Long", "The request line is too long."),
    errors.LimitRequestHeaders: (
        "431 Request Header Fields Too Large",
        "A header is too long, or there are too many.",
    ),
    errors.ExpectationFailed: ("417 Expectation Failed", "Only Expect: 100-continue is supported."),
    errors.ConfigurationProblem: ("404 Not Found", "The path does not begin with SCRIPT_NAME."),
    errors.UnsupportedTransferCoding: ("501 Not Implemented", "Only chunked is supported."),
}


class ClientSocket(socket.socket):
    """A connection that raises ConnectionResetError if its client is too slow."""

    def __init__(self, accepted: socket.socket, idle: set["ClientSocket"]) -> None:
        super().__init__(accepted.family, accepted.type, fileno=accepted.detach())
        self.idle = idle  # connections between two requests
        self.expect_request()

    def expect_request(self) -> None:
        """Restart the time limits."""
        self.has_begun = False
        self.seconds_left = {"request": REQUEST_TIMEOUT, "response": SEND_TIMEOUT}

    def recv(self, *arguments: Any) -> bytes:
        """Return the next bytes of a request; yield to other connections before the first one."""
        if not self.has_begun:
            self.idle.add(self)
            try:
                socket.wait_read(self.fileno())  # yields even if there is data
            finally:
                self.idle.remove(self)
            self.has_begun = True
        return self._limit("request", super().recv, *arguments)

    def sendall(self, data: Any, *arguments: Any) -> None:
        """Send a part of a response; gevent's `sendall` takes longer for a short one."""
        sent = self._limit("response", super().send, data, *arguments)
        if sent < len(data):
            self._limit("response", super().sendall, memoryview(data)[sent:], *arguments)

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
    """A response without the header `Server`, which applies the app's `Connection: close`."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Apply the app's `Connection: close`, which gunicorn ignores."""
        super().process_headers(headers)
        self.must_close |= ("Connection", "close") in headers

    def default_headers(self) -> list[str]:
        """Return the status line and the headers of every response."""
        connection = "close" if self.should_close() else "keep-alive"
        lines = [
            "HTTP/{}.{} {}\r\n".format(*self.req.version, self.status),
            f"Date: {format_date(int(time()))}\r\n",
            f"Connection: {connection}\r\n",
        ]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines


class Worker(GeventWorker):
    """A process that serves thousands of connections at once."""

    def run(self) -> None:
        """Serve until gunicorn stops this process, then finish the open requests."""
        self.idle: set[ClientSocket] = set()
        pool = Pool(self.worker_connections)
        servers = [StreamServer(s, partial(self.handle, s), spawn=pool) for s in self.sockets]
        for server in servers:
            server.max_accept = 4  # connections accepted before the open ones continue
            server.start()
        while self.alive:
            self.notify()
            sleep(0.05)
        for server in servers:
            server.close()
        pool.join(0.05)  # a request may be about to arrive on a new connection
        for client in self.idle.copy():
            with suppress(OSError):  # the client may have closed it
                client.shutdown(socket.SHUT_RD)
        pool.join(self.cfg.graceful_timeout)

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Serve a connection until it closes."""
        super().handle(listener, ClientSocket(client, self.idle), addr)

    def handle_request(self, listener_name: Any, req: Any, sock: ClientSocket, addr: Any) -> None:
        """Respond to a request; raise StopIteration if the connection is to close."""
        response, environ = wsgi.create(req, sock, addr, listener_name, self.cfg, Response)
        body = self.wsgi(environ, response.start_response)
        response.must_close |= not self.alive
        parts: list[bytes] = []
        if 0 < (response.response_length or 0) < 2**16:  # a single send takes less time
            response.sock = SimpleNamespace(sendall=parts.append)
        try:
            for part in body:
                response.write(part)
            response.close()
        finally:
            if hasattr(body, "close"):
                body.close()
        if parts:
            sock.sendall(b"".join(parts))
        if response.should_close():
            raise StopIteration
        sock.expect_request()
        if ahead := req.unreader.take_buffered():  # the next request, or an unread body
            req.unreader.unread(ahead)
            sock.has_begun = True
            sleep(1e-6)  # gevent accepts no new connections in a sleep of 0

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Reject an invalid request; log the reason without its content, which may have a token."""
        if isinstance(exc, errors.ParseException):
            other = "400 Bad Request", f"The request is not valid HTTP ({type(exc).__name__})."
            status, text = REJECTIONS.get(type(exc), other)
            address = addr[0] if addr else "a local client"
            self.log.warning("Rejected a request from %s: %s. %s", address, status, text)
        else:
            status, text = "500 Internal Server Error", "The server failed. See its log."
            path = getattr(req, "path", "a request")  # without the query, which may have a token
            self.log.error("The server failed to respond to %.300s.", path, exc_info=exc)
        with suppress(OSError):  # the client may be gone
            client.sendall(
                f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(text) + 1}\r\n\r\n"
                f"{text}\n".encode()
            )
