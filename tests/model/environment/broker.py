"""A broker in memory: a list of messages that a rule delivers, repeats or loses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from sartiq.core.work import publishing
from sartiq.core.work.publishing import Backlog
from sartiq.core.work.queues import queue_of
from tests.model.environment.clock import Clock
from tests.model.environment.observer import Observer


@dataclass(frozen=True, kw_only=True)
class Message:
    """A task in the queue, when it was sent and when it may be delivered."""

    task: str
    arguments: tuple[tuple[str, str], ...]
    sent: timedelta
    due: timedelta


@dataclass
class Broker:
    """The messages that were sent and not delivered; none is accepted while it `is_down`."""

    clock: Clock
    observer: Observer
    messages: list[Message] = field(default_factory=list)
    is_down: bool = False

    def reset(self) -> None:
        """Start an example."""
        self.messages, self.is_down = [], False

    def due(self) -> list[Message]:
        """Return the messages that can be delivered now, oldest first."""
        return [message for message in self.messages if message.due <= self.clock.elapsed]

    def publish(self, task: str, arguments: dict[str, str], seconds: float) -> bool:
        """Accept a message."""
        self.observer.require_no_transaction(f"the task {task} was sent")
        self._require_up()
        now = self.clock.elapsed
        self.messages.append(
            Message(
                task=task,
                arguments=tuple(sorted(arguments.items())),
                sent=now,
                due=now + timedelta(seconds=seconds),
            )
        )
        return True

    def backlog(self, queue: str) -> Backlog:
        """Return the length of a queue and the age of its oldest message."""
        self._require_up()
        waiting = [message for message in self.messages if queue_of(message.task) == queue]
        if not waiting:
            return Backlog(length=0, oldest=None)
        age = self.clock.elapsed - waiting[0].sent
        return Backlog(length=len(waiting), oldest=timezone.now() - age)

    def _require_up(self) -> None:
        if self.is_down:
            raise OperationalError

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the product publish to this broker."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publishing, "_publish", self.publish)
            patch.setattr(publishing, "_backlog", self.backlog)
            patch.setattr(publishing, "_sender", lambda _pid: _ThisThread())
            patch.setattr(publishing, "PAUSE_AFTER_FAILURE", 0.0)
            patch.setattr(publishing, "_paused_until", 0.0)
            yield


class _ThisThread:
    """An executor that runs each call at once."""

    def submit(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        call(*args, **kwargs)
