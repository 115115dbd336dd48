"""Requests to an ASGI application in the test's own process."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from django.utils.datastructures import CaseInsensitiveMapping

Response = tuple[int, Mapping[str, str], bytes]


def ask(
    application: Any,
    target: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    messages: Sequence[dict[str, Any]] | None = None,
) -> Response:
    """Return the response to one request; `messages` replaces the ASGI messages with the body."""
    values = {"Host": "testserver", **({"Content-Length": str(len(body))} if body else {})}
    scope = scope_of(target, method, {**values, **(headers or {})})
    incoming = list(messages or [{"type": "http.request", "body": body, "more_body": False}])
    outgoing: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        return await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        outgoing.append(message)

    asyncio.run(application(scope, receive, send))
    head = CaseInsensitiveMapping(
        {name.decode(): value.decode() for name, value in outgoing[0]["headers"]}
    )
    return outgoing[0]["status"], head, b"".join(message["body"] for message in outgoing[1:])


def scope_of(target: str, method: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return an ASGI scope like granian's."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(path, errors="replace"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
        ],
        "server": ("127.0.0.1", "8000"),
        "client": ("127.0.0.1", "5000"),
    }
