"""A gunicorn worker in which each connection has a greenlet and limited time."""

from contextlib import suppress
from functools import partial
from typing import Any

from gevent import sleep, socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker

from serving.client import ClientSocket, Response

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
            sleep(0)

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
