"""Telling what is sent to the product and what comes back, and insisting on what was promised."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx
from rich.console import Console

from devstack.process.child import DevstackError
from devstack.process.stop_signals import checkpoint

POLL_SECONDS = 0.25


class Narrator:
    """Speaks to one running product as one member of one organization, and tells of every step."""

    def __init__(self, *, client: httpx.Client, console: Console, organization_id: str) -> None:
        self.client = client
        self.console = console
        self.organization_id = organization_id
        self.store = httpx.Client(timeout=client.timeout)  # without our token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @property
    def in_organization(self) -> dict[str, str]:
        """The query that names the organization."""
        return {"organization_id": self.organization_id}

    def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Return the JSON of an answer that must be a good one."""
        checkpoint()
        response = self.client.request(method, path, **arguments)
        require(
            response.is_success, f"{method} {path}: {response.status_code} {response.text[:500]}"
        )
        answer: dict[str, Any] = response.json()
        return answer

    def watch(
        self, path: str, until: Callable[[dict[str, Any]], bool], *, seconds: float
    ) -> dict[str, Any]:
        """Read `path` again and again until its answer is as wanted."""
        deadline = time.monotonic() + seconds
        while not until(answer := self.call("GET", path)):
            require(time.monotonic() < deadline, f"{path} was not done after {seconds:g} s")
            time.sleep(POLL_SECONDS)
        return answer

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Do one step and tell how long it took, and what is said in it."""
        began = time.monotonic()
        said: list[str] = []
        yield said.append
        took = time.monotonic() - began
        self.console.print(f"[bold]{name}[/bold]  [dim]{took:.2f} s[/dim]", soft_wrap=True)
        for line in said:
            self.console.print(f"    {line}", soft_wrap=True)


def require(held: bool, otherwise: str) -> None:  # noqa: FBT001  reads as an assertion
    """Raise `DevstackError` unless what was promised held."""
    if not held:
        raise DevstackError(otherwise)
