"""Who causes the events of the running code, and where from.

Middleware and task signals (`causes`) set a function that describes the cause. It is called only
when an event is recorded: a request without events does not pay for it, and by then the user is
known.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sartiq.core.models import ActorKind

MAX_SOURCE_LENGTH: Final = 200
MAX_SOURCE_ID_LENGTH: Final = 64


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The actor of an event, and the request, task or command that it came from."""

    actor_kind: ActorKind
    actor_id: UUID | None = None
    source: str = ""
    source_id: str = ""
    ip: str | None = None


Describe = Callable[[], Cause]

_describe: ContextVar[Describe | None] = ContextVar("event_cause", default=None)


def current() -> Cause:
    """Return the cause of what the running code does: a command, unless an edge has set another."""
    describe = _describe.get()
    return describe() if describe else _command()


def enter(describe: Describe | None) -> Token[Describe | None]:
    """Set the cause; pass the result to `leave`."""
    return _describe.set(describe)


def leave(token: Token[Describe | None]) -> None:
    """Restore the cause that was set before `enter`."""
    _describe.reset(token)


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    """Set the cause for a block."""
    token = enter(lambda: cause)
    try:
        yield
    finally:
        leave(token)


def _command() -> Cause:
    """Return the cause of code that no request and no task started."""
    script, *arguments = sys.argv or [""]
    words = [Path(script).name, *arguments[:1]] if Path(script).name == "manage.py" else [script]
    source = " ".join(words)[-MAX_SOURCE_LENGTH:]
    return Cause(actor_kind=ActorKind.COMMAND, source=source)
