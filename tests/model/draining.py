"""The end of an example: faults end, time passes, all work is done, everything is compared."""

import sys
from datetime import timedelta
from typing import Final

from media.services.reconcile import service
from media.storage import public_store
from tests.model.base import HOURLY, RECOVERY, Base
from tests.model.checks import drained
from tests.model.environment import database

MAX_ROUNDS: Final = 10
ROUND_DURATION: Final = timedelta(minutes=10)
MAX_SKEW: Final = timedelta(minutes=20)
GRACE: Final = timedelta(hours=26)
SECOND_PASS_DELAY: Final = timedelta(hours=2)
CLEANUPS: Final = 1
# Tables that the periodic tasks change on every run.
REPORTS: Final = {"media_reconcilereport", "media_unknownobject"}


class Draining(Base):
    """Checks L01-L08 at the end of each example."""

    def teardown(self) -> None:
        """Do all work and check what must be true then, unless the example has failed."""
        if sys.exc_info()[0] is None:
            self.drain()

    def drain(self) -> None:
        """End all faults, do all work, and check the result."""
        self.stop_faults()
        self.finish_work()
        for _ in range(CLEANUPS):
            self.clean_up()
        self.plant_unknown_object()
        self.clock.advance(GRACE)
        self.reconcile_and_compare()
        self.finish_work()
        self.clean_up()
        assert not self.state.lost, f"L08: lost objects went unnoticed: {self.state.lost}"
        self.always()
        assert not drained.waiting(), f"L04: unfinished {drained.waiting()}"
        drained.check(self.environment, self.state)
        self.check_fixpoint()

    def stop_faults(self) -> None:
        """Let store, broker and clocks work as they should."""
        self.crashes.disarm()
        self.environment.faults.reset()
        self.environment.broker.is_down = False
        self.clock.process_skew = self.clock.store_skew = timedelta()
        self.clock.advance(2 * MAX_SKEW)

    def finish_work(self) -> None:
        """L01 and L04: all work is done after a few rounds."""
        for _ in range(MAX_ROUNDS):
            self.replace_dead_workers()
            self.clock.advance(ROUND_DURATION)
            if not drained.waiting():
                return
        remaining = drained.waiting()
        assert remaining.keys() <= {"deletions"}, f"L01: unfinished {remaining}"

    def clean_up(self) -> None:
        """Let the grace periods end and the periodic cleanups run."""
        self.clock.advance(GRACE)
        for task in HOURLY:
            self.work(task)
        self.clock.advance(SECOND_PASS_DELAY)
        self.replace_dead_workers()
        self.always()

    def plant_unknown_object(self) -> None:
        """Store an object that belongs to no row, as a restored database would leave."""
        key = f"media/00000000-0000-7000-8000-{self.state.names:012}/file.png"
        self.state.names += 1
        self.environment.public.plant(key, b"unknown")
        self.state.unknown_keys.add(key)

    def reconcile_and_compare(self) -> None:
        """L08: reconcile finds what an independent comparison finds; then it marks the rows."""
        expected = drained.differences(self.environment)
        report = service.reconcile(store=public_store(), execute=False)
        actual = (report.missing, report.changed, report.recorded)
        assert actual == expected, f"L08: reconcile counts {actual}, not {expected}"
        service.reconcile(store=public_store(), execute=True)
        sql = "SELECT id::text FROM media_mediaresource WHERE status = 'READY'"
        self.state.lost &= {pk for (pk,) in database.select(sql)}

    def check_fixpoint(self) -> None:
        """L07: doing everything again changes nothing."""
        names = database.tables().keys() - REPORTS
        before = database.fingerprint(names), self.environment.public.objects().keys()
        for task in (*RECOVERY, *HOURLY):
            self.work(task)
        self.deliver()
        after = database.fingerprint(names), self.environment.public.objects().keys()
        changed = [name for name in names if before[0][name] != after[0][name]]
        assert before == after, f"L07: changed again: {changed}"
