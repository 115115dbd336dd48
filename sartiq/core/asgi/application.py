"""The ASGI application: it waits for clients, so that no Django thread does."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any

from sartiq.core.asgi.direct import (
    DirectHandler,
    Headers,
    can_respond_directly,
    common_headers,
    encoded,
)
from sartiq.core.asgi.django_threads import (
    DeadlineError,
    DjangoThreads,
    OverloadedError,
    Response,
    error_response,
)
from sartiq.core.asgi.environ import environ_of
from sartiq.core.asgi.request_body import (
    STALL_SECONDS,
    BodyCutOffError,
    BodyTooSlowError,
    DeferredBody,
    Receive,
    receive_body,
)

# Up to this size a body is received before Django runs, a larger one when a view reads it.
MAX_EAGER_BODY_BYTES = 64 * 1024
# Up to this size granian skips an unread body that has arrived, so that the connection can be used
# again. If the body has not arrived, granian closes the connection.
MAX_SKIPPED_BODY_BYTES = 8 * 1024
CHUNK_BYTES = 128 * 1024
BODILESS_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
# A busy process is healthy: refusing these would move its requests to the others.
NEVER_REFUSED = {"/health/ready", "/health/storage"}
RETRY_AFTER_SECONDS = "1"

Send = Callable[[dict[str, Any]], Awaitable[None]]

_UNAVAILABLE = {"Retry-After": RETRY_AFTER_SECONDS}
_ERRORS: dict[type[Exception], Response] = {
    BodyTooSlowError: error_response(408, "The request body did not arrive in time."),
    BodyCutOffError: error_response(400, "The connection ended before the request body did."),
    OverloadedError: error_response(
        503, "The server is busy. Send the request again later.", **_UNAVAILABLE
    ),
    DeadlineError: error_response(503, "The request took too long.", **_UNAVAILABLE),
}


class AsgiApplication:
    """Serves some paths on the event loop, and the others with Django once the body is received.

    `direct` maps paths to functions that respond on the event loop; a path ending in `/` is a
    prefix.
    """

    def __init__(self, django: DjangoThreads, *, direct: Mapping[str, DirectHandler]) -> None:
        self._django = django
        self._exact = {path: handler for path, handler in direct.items() if path[-1] != "/"}
        self._prefixed = {path: handler for path, handler in direct.items() if path[-1] == "/"}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        if scope["type"] != "http":
            return
        headers: Headers = dict(scope["headers"])
        handler = self._direct_handler(scope["path"])
        if handler is not None and can_respond_directly(scope, headers):
            query = scope["query_string"].decode("latin-1")
            response = handler(scope["method"], scope["path"], query)
            common = common_headers(scope["scheme"], headers)
            await _send(send, response, [*encoded(response.headers), *common])
            return
        reads_body = handler is None and scope["method"] not in BODILESS_METHODS
        await self._through_django(scope, receive, send, _length(headers) if reads_body else 0)

    def _direct_handler(self, path: str) -> DirectHandler | None:
        for prefix, handler in self._prefixed.items():
            if path.startswith(prefix):
                return handler
        return self._exact.get(path)

    async def _through_django(self, scope: Any, receive: Receive, send: Send, length: int) -> None:
        exchange = _Exchange(self._django, scope, receive, length)
        common: list[tuple[bytes, bytes]] = []
        try:
            response = await exchange.respond()
        except tuple(_ERRORS) as error:
            response = _ERRORS[type(error)]
            common = common_headers(scope["scheme"], dict(scope["headers"]))
        headers = response.headers
        if exchange.must_close:
            headers = [*headers, ("Connection", "close")]
        await _send(send, response, [*encoded(headers), *common])


class _Exchange:
    """One request with its body."""

    def __init__(self, django: DjangoThreads, scope: Any, receive: Receive, length: int) -> None:
        self._django = django
        self._scope = scope
        self._receive = receive
        self._length = length
        self._is_skippable = 0 < length <= MAX_SKIPPED_BODY_BYTES
        # RFC 9112, 9.6: the rest of an unread body would be read as the next request.
        self.must_close = _has_body(dict(scope["headers"])) and not self._is_skippable

    async def respond(self) -> Response:
        """Return Django's response; a large body is received only if a view reads it."""
        if not self._length:
            self._require_capacity()
            return await self._run(io.BytesIO())
        is_large = self._length > MAX_EAGER_BODY_BYTES
        if is_large or self._is_skippable:
            self._require_capacity()
        if is_large:
            response = await self._django.run(environ_of(self._scope, DeferredBody()))
            if response is not None:
                return response
        self.must_close = True
        with await receive_body(self._receive, self._length) as body:
            self.must_close = False
            if not is_large:  # while it was received, others may have come
                self._require_capacity()
            return await self._run(body)

    def _require_capacity(self) -> None:
        if self._scope["path"] not in NEVER_REFUSED:
            self._django.require_capacity()

    async def _run(self, body: IO[bytes]) -> Response:
        response = await self._django.run(environ_of(self._scope, body))
        assert response is not None  # noqa: S101  the body was received
        return response


def _has_body(headers: Headers) -> bool:
    return b"transfer-encoding" in headers or _length(headers) > 0


def _length(headers: Headers) -> int:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() else 0


async def _send(send: Send, response: Response, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(response.body, bytes):
        await send({"type": "http.response.body", "body": response.body})
    else:
        await _send_file(send, response.body)


async def _send_file(send: Send, file: IO[bytes]) -> None:
    loop = asyncio.get_running_loop()
    with file:
        while chunk := await loop.run_in_executor(None, file.read, CHUNK_BYTES):
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                return  # the client reads nothing; the server closes the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})
