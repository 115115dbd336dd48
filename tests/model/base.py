"""The parts that all rules share: requests, tasks, and what is checked after every step."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from media.errors import EmptyBucketError
from sartiq.celery import app
from sartiq.core.errors import UnavailableError
from tests.model.checks import always
from tests.model.checks.history import History
from tests.model.environment import database
from tests.model.environment.setup import Environment
from tests.model.state import State

# A rejected request must not change these tables (I14); it may change the uploads it rejects.
VISIBLE: Final = ("catalog_product", "media_attachment", "media_mediaresource")
RECOVERY: Final = (
    "media.recover",
    "media.delete_objects",
    "bulkupload.recover",
    "exports.recover",
)
HOURLY: Final = (
    "media.cleanup_temp_uploads",
    "media.cleanup_orphaned_media",
    "catalog.purge_trash",
    "exports.discard_expired",
    "bulkupload.discard_old_jobs",
    "core.discard_old_rows",
    "media.discard_old_uploads",
)
AFTER_LEASE_END: Final = timedelta(seconds=70)

Item = TypeVar("Item")


class Base(RuleBasedStateMachine):
    """The machine without rules."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        environment.reset()
        self.environment = environment
        self.crashes = environment.crashes
        self.clock = environment.clock
        self.state = State()
        self.history = History()
        self.clients = {
            name: environment.tenants.client(name) for name in environment.tenants.users
        }

    @invariant()
    def always(self) -> None:
        """Check what is true after every step (I01-I18)."""
        always.check(self.environment, self.state)
        self.history.check()

    def pick(self, items: Sequence[Item], index: int) -> Item:
        """Return one of the items."""
        return items[index % len(items)]

    def request(self, user: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request; return the response, None if the process died before it responded."""
        call: Callable[..., Any] = getattr(self.clients[user], method)
        options = {"format": "json", **options}
        before, paused_before = database.fingerprint(VISIBLE), self.crashes.paused
        raised_before = self.environment.faults.raised
        result = self.crashes.run(lambda: call(f"/api/v1/{path}", body, **options))
        if result is None:
            return None
        (response,) = result
        status = response.status_code
        assert status < 500 or self.environment.faults.raised > raised_before, response.content
        assert status in range(200, 500) or status == 503, response.content
        if status >= 400 and paused_before == self.crashes.paused:
            is_changed = database.fingerprint(VISIBLE) != before
            assert not is_changed, f"I14: a request with status {status} changed something"
        return response

    def work(self, task: str, **arguments: str) -> bool:
        """Run a task as a worker does; return whether the worker survived it."""
        raised_before = self.environment.faults.raised

        def run() -> None:
            try:
                app.tasks[task](**arguments)
            except EmptyBucketError:
                assert self.state.lost, f"{task} took the bucket for another one"
            except UnavailableError:
                assert self.environment.faults.raised > raised_before, f"{task} found no store"

        return self.crashes.run(run) is not None

    def deliver(self, count: int = 1_000) -> None:
        """Deliver messages that are due, and those that they cause."""
        broker = self.environment.broker
        for _ in range(count):
            due = broker.due()
            if not due:
                return
            broker.messages.remove(due[0])
            self.work(due[0].task, **dict(due[0].arguments))

    def replace_dead_workers(self) -> None:
        """Let the leases of dead workers end, and other workers do what is left."""
        self.clock.advance(AFTER_LEASE_END)
        for task in RECOVERY:
            self.work(task)
        self.deliver()
