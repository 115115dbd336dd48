"""Tests of the threads that run Django: which requests run, wait, are refused or time out."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from sartiq.core.asgi import django_threads
from sartiq.core.asgi.application import AsgiApplication
from sartiq.core.asgi.direct import fixed_headers
from sartiq.core.asgi.django_threads import MAX_QUEUE_SECONDS, DjangoThreads, Response
from sartiq.core.limits import request_limits
from sartiq.core.tests.http import asgi

Start = Callable[[str, list[tuple[str, str]]], Any]
WAIT = 10  # seconds to wait for what should happen at once


class View:
    """A WSGI application whose requests to /slow run until the test releases them."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.running = threading.Semaphore(0)
        self.permits: list[bool] = []
        self.paths: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.paths.append(path)
        if path == "/store":
            limits = request_limits.current()
            assert limits is not None
            self.permits.append(limits.take_permit())
        if path != "/quick":
            self.running.release()
            self.released.wait(WAIT)
        start("200 OK", [])
        return [b"done"]


@pytest.fixture
def view() -> Iterator[View]:
    view = View()
    yield view
    view.released.set()


class Clock:
    """The time that admission sees."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def front_of(view: View, clock: Callable[[], float] = time.monotonic, **options: Any) -> Any:
    """Return an application with one thread."""
    django = DjangoThreads(view, threads=1, clock=clock, **options)
    return AsgiApplication(django, direct={"/files/": lambda *_: Response(302, [])})


async def until_running(view: View, count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        assert await loop.run_in_executor(None, view.running.acquire, True, WAIT)


async def send(application: AsgiApplication, path: str, **headers: str) -> dict[str, Any]:
    """Return the first message of the response to a GET."""
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return await asyncio.Future()

    async def collect(message: dict[str, Any]) -> None:
        messages.append(message)

    await application(
        asgi.scope_of(path, "GET", {"Host": "testserver", **headers}), receive, collect
    )
    head = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
    return {"status": messages[0]["status"], "headers": head, "body": messages[1]["body"]}


async def queue_one(
    application: AsgiApplication, view: View
) -> "list[asyncio.Task[dict[str, Any]]]":
    """Let one request run and another wait for its thread."""
    tasks = [asyncio.create_task(send(application, "/slow"))]
    await until_running(view, 1)
    tasks.append(asyncio.create_task(send(application, "/quick")))
    await asyncio.sleep(0)
    return tasks


async def statuses(view: View, tasks: "list[asyncio.Task[dict[str, Any]]]") -> list[int]:
    view.released.set()
    return [response["status"] for response in await asyncio.gather(*tasks)]


def test_a_request_is_refused_at_once_when_another_has_waited_too_long(
    view: View, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://studio.example"]
    monkeypatch.setattr(django_threads, "REPORT_SECONDS", 0)
    clock = Clock()
    application = front_of(view, clock)

    async def run() -> tuple[Any, list[int]]:
        tasks = await queue_one(application, view)
        clock.now += MAX_QUEUE_SECONDS + 0.1
        headers = {"X-Request-ID": "abc", "Origin": "https://studio.example"}
        refused_responses = [await send(application, "/quick", **headers) for _ in range(2)]
        other_statuses = await statuses(view, tasks)
        await asyncio.sleep(0.01)  # the report is due
        return refused_responses[0], other_statuses

    fixed_headers.cache_clear()
    with capture_logs() as logs:
        refused_responses, other_statuses = asyncio.run(run())

    assert (refused_responses["status"], other_statuses) == (503, [200, 200])
    assert (
        refused_responses["body"]
        == b'{"detail": "The server is busy. Send the request again later."}'
    )
    assert refused_responses["headers"]["retry-after"] == "1"
    assert refused_responses["headers"]["x-request-id"] == "abc"
    assert refused_responses["headers"]["x-content-type-options"] == "nosniff"
    assert refused_responses["headers"]["access-control-allow-origin"] == "https://studio.example"
    assert view.paths == ["/slow", "/quick"]
    assert [(line["event"], line["count"]) for line in logs] == [("requests_refused", 2)]


def test_requests_that_would_wait_too_long_are_refused(view: View) -> None:
    """The queue is short in time, but threads have become slow."""
    clock = Clock()
    application = front_of(view, clock)

    async def run() -> tuple[list[int], int]:
        tasks = [asyncio.create_task(send(application, "/slow"))]
        await until_running(view, 1)
        waiting = 1 + int(MAX_QUEUE_SECONDS / django_threads.START_INTERVAL)
        tasks += [asyncio.create_task(send(application, "/quick")) for _ in range(waiting)]
        await asyncio.sleep(0)
        refused_response = await send(application, "/quick")
        return await statuses(view, tasks), refused_response["status"]

    other_statuses, refused_status = asyncio.run(run())

    assert (set(other_statuses), refused_status) == ({200}, 503)


@pytest.mark.parametrize("path", ["/health/ready", "/health/storage", "/files/a.png"])
def test_health_and_redirects_are_never_refused(view: View, path: str) -> None:
    clock = Clock()
    application = front_of(view, clock)

    async def run() -> list[int]:
        tasks = await queue_one(application, view)
        clock.now += MAX_QUEUE_SECONDS + 0.1
        tasks.append(asyncio.create_task(send(application, path)))
        await asyncio.sleep(0)
        return await statuses(view, tasks)

    assert asyncio.run(run())[-1] in {200, 302}


def test_a_large_body_that_was_received_is_not_refused(view: View) -> None:
    """The first run of the view is refused, never the second one."""
    django = DjangoThreads(view, threads=1)
    calls: list[None] = []
    django.require_capacity = lambda: calls.append(None)  # type: ignore[method-assign]
    view.released.set()
    body = b"x" * 100_000

    def reading_view(environ: dict[str, Any], start: Start) -> list[bytes]:
        length = len(environ["wsgi.input"].read())
        start("200 OK", [])
        return [str(length).encode()]

    django._application = reading_view
    response = asgi.ask(AsgiApplication(django, direct={}), "/a", "POST", body=body)

    assert (response[0], response[2], len(calls)) == (200, b"100000", 1)


def test_a_request_that_waits_for_the_store_lets_another_run(view: View) -> None:
    application = front_of(view, max_blocked=1)

    async def run() -> tuple[int, list[int]]:
        tasks = [asyncio.create_task(send(application, "/store"))]
        await until_running(view, 1)
        quick_response = await asyncio.wait_for(send(application, "/quick"), WAIT)
        return quick_response["status"], await statuses(view, tasks)

    assert asyncio.run(run()) == (200, [200])
    assert view.permits == [True]


def test_a_limited_number_of_requests_may_wait_for_the_store(view: View) -> None:
    application = front_of(view, max_blocked=2)

    async def run() -> list[int]:
        tasks = [asyncio.create_task(send(application, "/store")) for _ in range(3)]
        await until_running(view, 3)
        return await statuses(view, tasks)

    async def wait_again() -> dict[str, Any]:
        return await send(application, "/store")

    assert asyncio.run(run()) == [200, 200, 200]
    assert sorted(view.permits) == [False, True, True]
    asyncio.run(wait_again())
    assert view.permits[-1] is True  # permits are returned


def test_a_slow_statement_lets_another_request_run_and_returns_its_permit() -> None:
    running, may_finish = threading.Semaphore(0), threading.Event()

    def view(environ: dict[str, Any], start: Start) -> list[bytes]:
        limits = request_limits.current()
        assert limits is not None
        if environ["PATH_INFO"] == "/statement":
            with limits.holding_permit():
                running.release()
                may_finish.wait(WAIT)
        start("200 OK", [("X-Permit", str(limits.has_permit))])
        return [b""]

    django = DjangoThreads(view, threads=1, max_blocked=1)
    application = AsgiApplication(django, direct={})

    async def run() -> tuple[int, str]:
        task = asyncio.create_task(send(application, "/statement"))
        await asyncio.get_running_loop().run_in_executor(None, running.acquire, True, WAIT)
        quick_response = await asyncio.wait_for(send(application, "/quick"), WAIT)
        may_finish.set()
        return quick_response["status"], (await task)["headers"]["x-permit"]

    assert asyncio.run(run()) == (200, "False")


def test_a_thread_that_misses_its_deadline_is_left_behind(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(django_threads, "GRACE_SECONDS", 0.01)
    application = front_of(view, request_seconds=0.01, max_blocked=1)

    async def run() -> tuple[Any, int]:
        late_response = await asyncio.wait_for(send(application, "/slow"), WAIT)
        quick_task = asyncio.create_task(send(application, "/quick"))
        return late_response, (await asyncio.wait_for(quick_task, WAIT))["status"]

    with capture_logs() as logs:
        late_response, quick_status = asyncio.run(run())

    assert (late_response["status"], late_response["headers"]["retry-after"]) == (503, "1")
    assert late_response["body"] == b'{"detail": "The request took too long."}'
    assert quick_status == 200
    assert [line["event"] for line in logs] == ["request_deadline_exceeded"]


def test_an_extended_deadline_counts(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_threads, "GRACE_SECONDS", 0.01)
    never_set = threading.Event()

    def patient_view(environ: dict[str, Any], start: Start) -> list[bytes]:
        request_limits.extend(timedelta(seconds=WAIT))
        never_set.wait(0.1)  # beyond the first deadline
        start("200 OK", [])
        return [b""]

    application = AsgiApplication(
        DjangoThreads(patient_view, threads=1, request_seconds=0.01), direct={}
    )

    assert asgi.ask(application, "/a")[0] == 200
