"""A proxy in front of a real S3 server that breaks chosen requests, as networks and servers do."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST instead of FIN

Fault = Callable[["Handler"], None]
Plan = Callable[
    [str, int], Fault | None
]  # of the nth request with a method, from 1; None: no fault


class FaultProxy:
    """Forwards everything to `upstream`, except what `plan` breaks."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.plan: Plan = lambda _method, _number: None
        self.request_counts: Counter[str] = Counter()
        self.released = threading.Event()  # set at the end, so that no response hangs
        self._lock = threading.Lock()
        self._server = Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def fault_for(self, method: str) -> Fault | None:
        with self._lock:
            self.request_counts[method] += 1
            return self.plan(method, self.request_counts[method])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not report clients that disconnect, which these tests cause."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        self.close_connection = True
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        fault = self.server.proxy.fault_for(self.command)
        (fault or forward)(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = respond  # noqa: N815  http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Do not log."""

    def request_upstream(self) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = HTTPConnection(self.server.proxy.upstream, timeout=10)
        try:
            forwarded = {name: value for name, value in self.headers.items() if name != "Expect"}
            upstream.request(self.command, self.path, self.body, forwarded)
            response = upstream.getresponse()
            headers = [pair for pair in response.getheaders() if pair[0].lower() not in HOP_BY_HOP]
            return response.status, headers, response.read()
        finally:
            upstream.close()

    def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


def forward(handler: Handler) -> None:
    handler.send(*handler.request_upstream())


def status(code: int, body: bytes = b"") -> Fault:
    """Respond with this status without asking the store."""
    return lambda handler: handler.send(code, [("Content-Type", "application/xml")], body)


def page(code: int) -> Fault:
    """Respond with an HTML page, as a proxy in front of the store does."""
    body = f"<html><head><title>{code}</title><body><br>Error {code}".encode()
    return lambda handler: handler.send(code, [("Content-Type", "text/html")], body)


def without(name: str) -> Fault:
    """Pass on the store's response without one of its headers."""

    def respond(handler: Handler) -> None:
        code, headers, body = handler.request_upstream()
        handler.send(code, [pair for pair in headers if pair[0].lower() != name], body)

    return respond


def document(body: bytes) -> Fault:
    """Respond with 200 and this document without asking the store."""
    return lambda handler: handler.send(200, [("Content-Type", "application/xml")], body)


def hang(handler: Handler) -> None:
    """Accept the request and never respond."""
    handler.server.proxy.released.wait(60)


def reset(handler: Handler) -> None:
    """Reset the connection before the store receives the request."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    handler.connection.close()


def drop_response(handler: Handler) -> None:
    """Let the store process the request, then reset the connection instead of responding."""
    handler.request_upstream()
    reset(handler)


def cut_response_body(handler: Handler) -> None:
    """Send half of the response's body, then reset the connection."""
    code, headers, body = handler.request_upstream()
    length = [("Content-Length", str(len(body)))]
    others = [pair for pair in headers if pair[0].lower() != "content-length"]
    handler.send(code, others + length, body[: len(body) // 2])
    handler.wfile.flush()
    reset(handler)


def trickle_head(handler: Handler) -> None:
    """Send one byte every tenth of a second, which exceeds no socket time-out."""
    _trickle(handler, b"HTTP/1.1 200 OK\r\nx-padding: " + b"x" * 1000)


def trickle_body(handler: Handler) -> None:
    """Send the headers at once and the body one byte every tenth of a second."""
    code, headers, body = handler.request_upstream()
    handler.send(code, headers, b"")
    _trickle(handler, body)


def _trickle(handler: Handler, content: bytes) -> None:
    for byte in content:
        if handler.server.proxy.released.wait(0.1):
            return
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
