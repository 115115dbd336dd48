"""Rules of workers: messages that arrive, twice or never, and processes that die or stop."""

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.base import HOURLY, RECOVERY, Base
from tests.model.environment.crashes import all_points
from tests.model.rules.uploads import indexes

points = st.sampled_from(all_points())


class WorkRules(Base):
    """What happens between the broker and the workers."""

    @precondition(lambda self: self.environment.broker.due())
    @rule(index=indexes, times=st.integers(1, 2))
    def deliver_one(self, index: int, times: int) -> None:
        """Deliver any of the messages, perhaps twice."""
        broker = self.environment.broker
        message = self.pick(broker.due(), index)
        broker.messages.remove(message)
        for _ in range(times):
            self.work(message.task, **dict(message.arguments))

    @precondition(lambda self: self.environment.broker.due())
    @rule()
    def deliver_all(self) -> None:
        """Let the workers do what is in the queues."""
        self.deliver()

    @rule(kind=st.sampled_from(["lose", "stop", "start"]))
    def broker(self, kind: str) -> None:
        """Lose all messages, stop the broker, or start it again."""
        broker = self.environment.broker
        if kind == "lose":
            broker.messages.clear()
        else:
            broker.is_down = kind == "stop"

    @rule(task=st.sampled_from([*RECOVERY, *HOURLY, "media.reconcile"]))
    def run_periodic_task(self, task: str) -> None:
        """Let beat send a task that arrives at once."""
        self.work(task)

    @rule()
    def replace_workers(self) -> None:
        """Let the leases of dead workers end, and other workers do what is left."""
        self.replace_dead_workers()

    @rule(point=points, meanwhile=st.sampled_from(["die", "workers", "workers", *HOURLY[:3]]))
    def interrupt(self, point: str, meanwhile: str) -> None:
        """Let the next process that reaches the point die, or stop while others work."""
        if meanwhile == "die":
            self.crashes.crash_at(point)
        elif meanwhile == "workers":
            self.crashes.pause_at(point, self.replace_dead_workers)
        else:
            self.crashes.pause_at(point, partial(self.work, meanwhile))
