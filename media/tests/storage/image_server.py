"""An https server on loopback with a given response for each path."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).with_name("pictures.pem")
HOST, OTHER_HOST = "pictures.example.com", "other.example.com"


@dataclass(kw_only=True)
class Response:
    """The response to requests for one path."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # the Content-Length, if it is wrong
    repeats: int = 1
    hold: threading.Event | None = (
        None  # set to end the response; waited for after each piece of the body
    )

    @property
    def size(self) -> int:
        """Return the Content-Length; negative for none."""
        return len(self.body) * self.repeats if self.length is None else self.length


class Server(ThreadingHTTPServer):
    """A server that does not report clients which refuse its certificate or disconnect."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error."""


@dataclass
class ImageServer:
    """A running server, its responses and the requests it received."""

    port: int
    responses: dict[str, Response] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def request_count(self, path: str) -> int:
        """Return how often a path was requested."""
        return [path for path, _ in self.requests].count(path)


@contextmanager
def image_server() -> Iterator[ImageServer]:
    """Run a server while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            images.requests.append((self.path, dict(self.headers.items())))
            response = images.responses.get(self.path, Response(status=404))
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if response.size >= 0:
                self.send_header("Content-Length", str(response.size))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for _ in range(response.repeats):
                    self.wfile.write(response.body)
                    if response.hold is not None and response.hold.wait(timeout=0.2):
                        return
            except OSError:  # the client has left
                return

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base names it
            """Do not log."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        images = ImageServer(port=server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield images
        finally:
            server.shutdown()
            thread.join()
