"""A gunicorn worker in which each connection has a greenlet and limited time."""

from collections.abc import Callable
from contextlib import suppress
from errno import ECONNRESET
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from gevent import sleep, socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker

REQUEST_TIMEOUT = 10.0  # seconds that a request may take to arrive, from its first byte
SEND_TIMEOUT = 30.0  # seconds that a client may take to read a response
T = TypeVar("T")
REJECTIONS = {  # all others are 400
    errors.LimitRequestLine: ("414 URI Too Long", "The request line is too long."),
    errors.LimitRequestHeaders: (
        "431 Request Header Fields Too Large",
        "A header is too long, or there are too many.",
    ),
    errors.ExpectationFailed: ("417 Expectation Failed", "Expect only 100-continue."),
    errors.ConfigurationProblem: ("404 Not Found", "The path does not begin with SCRIPT_NAME."),
    errors.UnsupportedTransferCoding: ("501 Not Implemented", "Only chunked transfer is known."),
}


class ClientSocket(socket.socket):
    """A connection that raises ConnectionResetError if its client, not the server, is too slow."""

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


class Worker(GeventWorker):
    """A process that serves thousands of connections, one request at a time of each."""

    def run(self) -> None:
        """Serve until gunicorn stops this process, then finish the requests that are here."""
        self.idle: set[ClientSocket] = set()
        pool = Pool(self.worker_connections)
        servers = [StreamServer(s, partial(self.handle, s), spawn=pool) for s in self.sockets]
        for server in servers:
            server.max_accept = 4  # new connections, before the open ones continue
            server.start()
        while self.alive:
            self.notify()
            sleep(0.05)
        for server in servers:
            server.close()
        pool.join(0.05)  # a request may be about to arrive on a new connection
        for client in self.idle.copy():
            with suppress(OSError):  # the client may have been faster
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
        try:
            for part in body:
                response.write(part)
            response.close()
        finally:
            if hasattr(body, "close"):
                body.close()
        if response.should_close():
            raise StopIteration
        sock.expect_request()
        if ahead := req.unreader.take_buffered():  # the next request, or an unread body
            req.unreader.unread(ahead)
            sock.has_begun = True
            sleep(1e-6)  # 0 would accept no new connections in between

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Reject what is not HTTP; log the rule that it breaks, and nothing that was sent."""
        if isinstance(exc, errors.ParseException):
            other = "400 Bad Request", f"The request is not valid HTTP ({type(exc).__name__})."
            status, text = REJECTIONS.get(type(exc), other)
            address = addr[0] if addr else "a local client"
            self.log.warning("Rejected a request from %s: %s. %s", address, status, text)
        else:
            status, text = "500 Internal Server Error", "The server failed; its log says why."
            path = getattr(req, "path", "of a request")  # its query may hold a token
            self.log.error("The server failed at %.300s.", path, exc_info=exc)
        with suppress(OSError):  # the client may be gone
            client.sendall(
                f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(text) + 1}\r\n\r\n"
                f"{text}\n".encode()
            )
