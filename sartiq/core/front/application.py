"""The ASGI application in front of Django: it waits for clients, so that no thread does."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any

from sartiq.core.front.direct import Direct, Headers, answers_directly, common_headers, encoded
from sartiq.core.front.django_threads import Answer, DjangoThreads, refusal
from sartiq.core.front.environ import environ_of
from sartiq.core.front.request_body import (
    STALL_SECONDS,
    BodyCutOffError,
    BodyTooSlowError,
    DeferredBody,
    Receive,
    receive_body,
)

# A body up to this size is received before Django runs, a larger one when Django reads it.
MAX_FIRST_BYTES = 64 * 1024
CHUNK_BYTES = 128 * 1024
BODILESS_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Front:
    """Answers what needs no thread, and runs Django for the rest once the body is here.

    `direct` holds the paths answered on the event loop; a name that ends in `/` is a prefix.
    """

    def __init__(self, django: DjangoThreads, *, direct: Mapping[str, Direct]) -> None:
        self._django = django
        self._exact = {path: each for path, each in direct.items() if not path.endswith("/")}
        self._prefixed = {path: each for path, each in direct.items() if path.endswith("/")}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: Headers = dict(scope["headers"])
        answer_directly = self._direct(scope["path"])
        if answer_directly is not None and answers_directly(scope, headers):
            answer = answer_directly(
                scope["method"], scope["path"], scope["query_string"].decode("latin-1")
            )
            common = common_headers(scope["scheme"], headers)
            await _send(send, answer, [*encoded(answer.headers), *common])
            return
        reads_body = answer_directly is None and scope["method"] not in BODILESS_METHODS
        await self._through_django(scope, receive, send, _length(headers) if reads_body else 0)

    def _direct(self, path: str) -> Direct | None:
        for prefix, response in self._prefixed.items():
            if path.startswith(prefix):
                return response
        return self._exact.get(path)

    async def _through_django(self, scope: Any, receive: Receive, send: Send, length: int) -> None:
        exchange = _Exchange(self._django, scope, receive, length)
        try:
            answer = await exchange.answer()
        except BodyTooSlowError:
            answer = refusal(408, "The request body did not arrive in time.")
        except BodyCutOffError:
            answer = refusal(400, "The connection ended before the request body did.")
        headers = answer.headers
        if exchange.has_unread_body:
            # RFC 9112, 9.6: the rest of the body cannot be distinguished from a next request.
            headers = [*headers, ("Connection", "close")]
        await _send(send, answer, encoded(headers))


class _Exchange:
    """One request and its body."""

    def __init__(self, django: DjangoThreads, scope: Any, receive: Receive, length: int) -> None:
        self._django = django
        self._scope = scope
        self._receive = receive
        self._length = length
        self.has_unread_body = _has_body(dict(scope["headers"]))

    async def answer(self) -> Answer:
        """Return Django's response; a large body is received only when a view reads it."""
        if not self._length:
            return await self._run(io.BytesIO())
        if self._length > MAX_FIRST_BYTES:
            answer = await self._django.run(environ_of(self._scope, DeferredBody()))
            if answer is not None:
                return answer
        with await receive_body(self._receive, self._length) as body:
            self.has_unread_body = False
            return await self._run(body)

    async def _run(self, body: IO[bytes]) -> Answer:
        answer = await self._django.run(environ_of(self._scope, body))
        assert answer is not None  # noqa: S101  the body is here
        return answer


def _has_body(headers: Headers) -> bool:
    return b"transfer-encoding" in headers or _length(headers) > 0


def _length(headers: Headers) -> int:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() else 0


async def _send(send: Send, answer: Answer, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if isinstance(answer.body, bytes):
        await send({"type": "http.response.body", "body": answer.body})
    else:
        await _send_file(send, answer.body)


async def _send_file(send: Send, file: IO[bytes]) -> None:
    loop = asyncio.get_running_loop()
    with file:
        while chunk := await loop.run_in_executor(None, file.read, CHUNK_BYTES):
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                return  # the client takes nothing; the server ends the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})
