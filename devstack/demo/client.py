"""The HTTP client of the demo: sends requests, checks the responses and prints each step."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx
from rich.console import Console

from devstack.process.child import DevstackError
from devstack.process.stop_signals import raise_if_stop_requested

POLL_SECONDS = 0.25


class DemoClient:
    """Client of one running product, acting as one member of one organization."""

    def __init__(self, *, api: httpx.Client, console: Console, organization_id: str) -> None:
        self.api = api
        self.console = console
        self.organization_id = organization_id
        self.store = httpx.Client(timeout=api.timeout)  # without the API token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @property
    def organization_query(self) -> dict[str, str]:
        """The query parameter for the organization."""
        return {"organization_id": self.organization_id}

    def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Return the JSON of a response; raise `DevstackError` on an error status."""
        raise_if_stop_requested()
        response = self.api.request(method, path, **arguments)
        require(
            response.is_success, f"{method} {path}: {response.status_code} {response.text[:500]}"
        )
        body: dict[str, Any] = response.json()
        return body

    def poll_until(
        self, path: str, until: Callable[[dict[str, Any]], bool], *, seconds: float
    ) -> dict[str, Any]:
        """Poll `path` until `until` returns True for its response."""
        deadline = time.monotonic() + seconds
        while not until(body := self.call("GET", path)):
            require(time.monotonic() < deadline, f"{path} was not done after {seconds:g} s")
            time.sleep(POLL_SECONDS)
        return body

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Print a step, its duration, and the lines passed to the function that this yields."""
        started_at = time.monotonic()
        lines: list[str] = []
        yield lines.append
        duration = time.monotonic() - started_at
        self.console.print(f"[bold]{name}[/bold]  [dim]{duration:.2f} s[/dim]", soft_wrap=True)
        for line in lines:
            self.console.print(f"    {line}", soft_wrap=True)


def require(condition: bool, message: str) -> None:  # noqa: FBT001  reads as an assertion
    """Raise `DevstackError` with `message` unless `condition` is true."""
    if not condition:
        raise DevstackError(message)
