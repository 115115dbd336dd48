"""Which bodies the ASGI application waits for, passes to Django, or never reads."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sartiq.core.asgi import request_body
from sartiq.core.asgi.application import MAX_EAGER_BODY_BYTES, AsgiApplication
from sartiq.core.asgi.django_threads import MAX_MEMORY_BYTES, DjangoThreads
from sartiq.core.asgi.environ import environ_of
from sartiq.core.tests.http import asgi

MIB = 1024 * 1024
Start = Callable[[str, list[tuple[str, str]]], Any]


def in_front_of(application: Callable[..., Any]) -> AsgiApplication:
    return AsgiApplication(DjangoThreads(application, threads=1), direct={})


def echo(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


def refuse(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("401 Unauthorized", [])
    return [b"no"]


def chunks(*bodies: bytes) -> list[dict[str, Any]]:
    return [
        {"type": "http.request", "body": body, "more_body": number < len(bodies) - 1}
        for number, body in enumerate(bodies)
    ]


@pytest.mark.parametrize("size", [1, MAX_EAGER_BODY_BYTES, MAX_EAGER_BODY_BYTES + 1, 2 * MIB])
def test_a_body_is_passed_on_complete(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    pieces = chunks(body[: size // 3], body[size // 3 :])
    length = {"Content-Length": str(size)}

    status, headers, response_body = asgi.ask(
        in_front_of(echo), "/a", "POST", headers=length, messages=pieces
    )

    assert (status, response_body) == (200, body)
    assert "Connection" not in headers


def test_a_large_body_of_a_refused_request_is_not_read() -> None:
    length = {"Content-Length": str(MAX_EAGER_BODY_BYTES + 1)}

    response = asgi.ask(in_front_of(refuse), "/a", "POST", headers=length, messages=chunks(b""))

    assert response == (401, {"Connection": "close"}, b"no")


@pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "9"}])
def test_a_get_reads_no_body(headers: dict[str, str]) -> None:
    status, response_headers, body = asgi.ask(in_front_of(echo), "/a", headers=headers)

    assert (status, body, response_headers["Connection"]) == (200, b"", "close")


@pytest.mark.parametrize("size", [100, MAX_EAGER_BODY_BYTES + 1])
def test_a_silent_client_gets_a_408_and_is_disconnected(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(request_body, "STALL_SECONDS", 0.01)
    first = [{"type": "http.request", "body": b"{", "more_body": True}]

    status, headers, _ = asgi.ask(
        in_front_of(echo), "/a", "POST", headers={"Content-Length": str(size)}, messages=first
    )

    assert (status, headers["Connection"]) == (408, "close")


def test_a_slow_body_is_ended_at_the_total_time_limit() -> None:
    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def receive() -> None:
        await request_body.receive_body(trickle, 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_body, "total_seconds", lambda _length: 0.02)
        with pytest.raises(request_body.BodyTooSlowError):
            asyncio.run(receive())


def test_the_time_limit_grows_with_the_length() -> None:
    assert request_body.total_seconds(0) == 20
    assert request_body.total_seconds(512 * MIB) == 20 + 512 * 32


@pytest.mark.parametrize(
    "last_message",
    [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"b", "more_body": False},
    ],
)
def test_an_incomplete_body_reaches_no_view(last_message: dict[str, Any]) -> None:
    calls = []

    def view(environ: dict[str, Any], start: Start) -> list[bytes]:
        calls.append(environ)
        return echo(environ, start)

    status, headers, _ = asgi.ask(
        in_front_of(view),
        "/a",
        "POST",
        headers={"Content-Length": "9"},
        messages=[{"type": "http.request", "body": b"a", "more_body": True}, last_message],
    )

    assert (status, headers["Connection"], calls) == (400, "close", [])


class Streamed:
    streaming = True

    def __init__(self, response_ended: threading.Event) -> None:
        self._ended = response_ended

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"x" * MIB for _ in range(3))

    def close(self) -> None:
        self._ended.set()


def test_a_streamed_response_frees_its_thread_before_it_is_sent() -> None:
    response_ended = threading.Event()
    states = []

    def view(environ: dict[str, Any], start: Start) -> Streamed:
        start("200 OK", [])
        return Streamed(response_ended)

    async def exchange() -> int:
        size = 0

        async def nothing() -> dict[str, Any]:
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            nonlocal size
            states.append(response_ended.is_set())
            size += len(message.get("body", b""))

        await in_front_of(view)(asgi.scope_of("/a", "GET", {}), nothing, send)
        return size

    assert asyncio.run(exchange()) == 3 * MIB > MAX_MEMORY_BYTES
    assert all(states)


def test_an_unexpected_error_is_a_500_and_the_thread_continues(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def view(environ: dict[str, Any], start: Start) -> list[bytes]:
        raise KeyError(environ["PATH_INFO"])

    application = in_front_of(view)

    assert [asgi.ask(application, "/a")[0] for _ in range(2)] == [500, 500]
    capsys.readouterr()


def test_the_environ_preserves_bytes_and_joins_repeated_headers() -> None:
    scope = asgi.scope_of("/%ff/a?b=%20", "GET", {"X-A": "\xe9", "Content-Type": "text/plain"})
    scope["headers"] += [
        (b"x-a", b"2"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x_forwarded_proto", b"https"),
    ]

    environ = environ_of(scope, request_body.DeferredBody())

    assert environ["PATH_INFO"] == "/\xff/a"
    assert environ["QUERY_STRING"] == "b=%20"
    assert environ["HTTP_X_A"] == "\xe9,2"
    assert environ["HTTP_COOKIE"] == "a=1;b=2"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_X_FORWARDED_PROTO" not in environ  # another header's name
