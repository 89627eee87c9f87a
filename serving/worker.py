"""A gunicorn worker in which each connection has a greenlet of its own, and limited time.

gunicorn's gevent worker, but for what follows. A connection that always has data yields after each
request, or it would keep the others waiting. A request that does not arrive, or a response that is
not taken, ends the connection. What gunicorn itself rejects is logged without its content, which
may hold a token.
"""

import errno
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker

ARRIVAL_SECONDS = 10.0  # that a request may take to arrive, from its first byte
TAKING_SECONDS = 30.0  # that a client may take to read a response
IDLE_SECONDS = 75.0  # that a connection may be open without a request
JUST_OPENED_SECONDS = 1.0  # that a connection has to begin its request when the process ends
ACCEPTED_AT_ONCE = 4  # new connections, before it is the turn of those that are open
REJECTIONS = {  # what gunicorn rejects before the application sees it; all else is 400
    errors.LimitRequestLine: ("414 URI Too Long", "The request line is too long."),
    errors.LimitRequestHeaders: (
        "431 Request Header Fields Too Large",
        "A header is too long, or there are too many.",
    ),
    errors.ExpectationFailed: ("417 Expectation Failed", "Expect only 100-continue."),
    errors.ConfigurationProblem: ("404 Not Found", "The path does not begin with SCRIPT_NAME."),
    errors.UnsupportedTransferCoding: ("501 Not Implemented", "Only chunked transfer is known."),
}
REJECTION = (
    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    "X-Content-Type-Options: nosniff\r\nContent-Length: {length}\r\n\r\n{text}"
)


class ClientSocket(socket.socket):
    """A client's connection, which closes where the client takes too long.

    Time that the application spends counts neither as arrival nor as taking.
    """

    def __init__(self, accepted: socket.socket, idle: dict["ClientSocket", float]) -> None:
        super().__init__(accepted.family, accepted.type, fileno=accepted.detach())
        self.idle = idle  # the connections without a request, and since when
        self.await_request()

    def await_request(self) -> None:
        """Let the next byte be the first one of a request."""
        self.has_begun = False
        self.arrival_left = ARRIVAL_SECONDS
        self.taking_left = TAKING_SECONDS

    def recv(self, *arguments: Any) -> bytes:
        """Return what has come; raise ConnectionResetError if a request does not come in time."""
        if not self.has_begun:
            self.idle[self] = monotonic()
            try:
                socket.wait_read(self.fileno())  # also where there is data: others have their turn
            finally:
                del self.idle[self]
            self.has_begun = True
        begun = monotonic()
        self.settimeout(max(self.arrival_left, 0.001))
        try:
            data: bytes = super().recv(*arguments)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "The request is not complete.") from None
        self.arrival_left -= monotonic() - begun
        return data

    def sendall(self, *arguments: Any) -> None:
        """Send everything; raise ConnectionResetError if the client does not take it in time."""
        begun = monotonic()
        self.settimeout(max(self.taking_left, 0.001))
        try:
            super().sendall(*arguments)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "The response is not taken.") from None
        self.taking_left -= monotonic() - begun


class Response(wsgi.Response):
    """A response without the server's name, after which the application may close."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take the headers of the application."""
        super().process_headers(headers)
        if ("Connection", "close") in headers:
            self.force_close()

    def default_headers(self) -> list[str]:
        """Return the lines that every response begins with."""
        lines: list[str] = super().default_headers()
        return [line for line in lines if not line.startswith("Server:")]


class Worker(GeventWorker):
    """A process that serves thousands of connections, one request at a time of each."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.idle: dict[ClientSocket, float] = {}

    def run(self) -> None:
        """Serve until gunicorn says that it is enough; then let requests that are here end."""
        servers = []
        for listener in self.sockets:
            listener.setblocking(True)
            spawn = Pool(self.worker_connections)
            server = StreamServer(listener, partial(self.handle, listener), spawn=spawn)
            server.max_accept = ACCEPTED_AT_ONCE
            server.start()
            servers.append(server)
        while self.alive:
            self.notify()
            self.close_idle(IDLE_SECONDS)
            gevent.sleep(0.1)
        for server in servers:
            server.stop_accepting()
        gevent.sleep(0.05)  # for connections that were accepted just before
        for server in servers:
            server.close()
        until = monotonic() + self.cfg.graceful_timeout
        while any(server.pool for server in servers) and monotonic() < until:
            self.notify()
            self.close_idle(JUST_OPENED_SECONDS)
            gevent.sleep(0.1)

    def close_idle(self, seconds: float) -> None:
        """Close the connections that have been without a request for so long."""
        latest = monotonic() - seconds
        for connection, since in list(self.idle.items()):
            if since <= latest:
                with suppress(OSError):  # the client may have been faster
                    connection.shutdown(socket.SHUT_RDWR)

    def timeout_ctx(self) -> AbstractContextManager[None]:
        """Leave the limits to the connection."""
        return nullcontext()

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Serve a connection until it closes."""
        super().handle(listener, ClientSocket(client, self.idle), addr)

    def handle_request(self, listener_name: Any, req: Any, sock: ClientSocket, addr: Any) -> None:
        """Respond to a request; raise StopIteration where the connection is to close."""
        response, environ = wsgi.create(
            req, sock, addr, listener_name, self.cfg, response_class=Response
        )
        environ["wsgi.multithread"] = True
        if not self.alive:
            response.force_close()
        body = self.wsgi(environ, response.start_response)
        try:
            for part in body:
                response.write(part)
            response.close()
        finally:
            if hasattr(body, "close"):
                body.close()
        if response.should_close():
            raise StopIteration
        sock.await_request()
        if ahead := req.unreader.take_buffered():  # of the next request, or of an unread body
            req.unreader.unread(ahead)
            sock.has_begun = True
            gevent.sleep(0)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Reject what is not HTTP; log which rule it breaks, but nothing of what was sent."""
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
                REJECTION.format(status=status, length=len(text) + 1, text=f"{text}\n").encode()
            )
