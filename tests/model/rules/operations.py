"""Rules of operations: time, clocks, stores that fail or lose objects, cleanups, staff."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from catalog.services import purge_trash
from media.errors import (
    EmptyBucketError,
    ReportNotApprovableError,
    ResourceInUseError,
    StoreCredentialsError,
    StoreUnavailableError,
)
from media.models import ReconcileReport
from media.services import trash
from media.services.cleanup import orphaned_media, temp_uploads
from media.services.reconcile import service, unknown_objects
from media.storage import public_store
from sartiq.core.errors import UnavailableError
from tests.model.draining import MAX_SKEW, Draining
from tests.model.environment import database
from tests.model.environment.stores import EVERY_OPERATION, Fault
from tests.model.rules.uploads import indexes

TIMES: Final = [
    timedelta(seconds=2),
    timedelta(minutes=20),
    timedelta(hours=2),
    timedelta(hours=26),
]
AFTER_TRASH_PERIOD: Final = timedelta(days=31)
MAX_TIME: Final = timedelta(days=45)  # shorter than jobs and archives are kept
OPERATIONS: Final = (EVERY_OPERATION, "head", "open", "copy", "put", "delete_many", "list", "clock")
CLEANUPS: Final[dict[str, Callable[[bool], Any]]] = {
    "uploads": lambda execute: temp_uploads.discard(store=public_store(), execute=execute),
    "resources": lambda execute: orphaned_media.discard(execute=execute),
    "trash": lambda execute: purge_trash.purge(execute=execute),
    "reconcile": lambda execute: service.reconcile(store=public_store(), execute=execute),
}


class OperationRules(Draining):
    """What happens to the product from outside, and what its staff do."""

    @precondition(lambda self: self.clock.elapsed < MAX_TIME)
    @rule(by=st.sampled_from([*TIMES, *TIMES, AFTER_TRASH_PERIOD]))
    def wait(self, by: timedelta) -> None:
        """Let time pass."""
        self.clock.advance(by)

    @rule(
        kind=st.sampled_from(["skew", "fault", "refuse", "repair", "lose", "replace", "plant"]),
        index=indexes,
    )
    def outside_event(self, kind: str, index: int) -> None:
        """Let something go wrong outside the product, or be repaired."""
        match kind:
            case "skew":  # within what the grace periods allow
                self.clock.process_skew = (index % 3 - 1) * MAX_SKEW
                self.clock.store_skew = (index // 3 % 3 - 1) * MAX_SKEW
            case "fault":
                self.break_store(index)
            case "refuse":
                self.environment.faults.undeletable += index % 8 + 1
            case "repair":
                self.environment.faults.reset()
            case "plant":
                self.plant_unknown_object()
            case _:
                self.lose_object(index, is_replaced=kind == "replace")

    def break_store(self, index: int) -> None:
        """Let calls fail, before they have an effect or after it (a lost response)."""
        error = StoreCredentialsError if index % 5 == 0 else StoreUnavailableError
        fault = Fault(
            self.pick(OPERATIONS, index),
            error,
            remaining=index % 4 + 1,
            is_lost_response=index % 2 == 1,
        )
        self.environment.faults.active.append(fault)

    def lose_object(self, index: int, *, is_replaced: bool) -> None:
        """Lose the object of a verified file, or put another one in its place."""
        if not self.ready_resources():
            return
        pk, key = self.pick(self.ready_resources(), index)
        self.state.lost.add(pk)
        self.state.event_counts["lost"] += 1
        if is_replaced:
            self.environment.public.plant(key, b"another file")
        else:
            self.environment.public.lose(key)

    @rule(name=st.sampled_from(sorted(CLEANUPS)), executes=st.booleans())
    def clean(self, name: str, *, executes: bool) -> None:
        """Run a cleanup; I17: without `execute` it changes nothing."""
        before = database.fingerprint(), self.environment.public.objects()
        self.operate(lambda: CLEANUPS[name](executes))
        after = database.fingerprint(), self.environment.public.objects()
        assert executes or before == after, f"I17: {name} changed something"

    @rule(kind=st.sampled_from(["heal", "approve", "discard", "restore"]), index=indexes)
    def staff(self, kind: str, index: int) -> None:
        """Let staff heal files, approve unknown objects, delete a file or restore one."""
        match kind:
            case "heal":
                self.state.event_counts["heal"] += 1
                response = self.request("root", "post", "media-resources/heal")
                assert response is None or response.status_code in {202, 503}, response.content
            case "approve":
                self.approve_unknown_objects()
            case "discard" if resources := self.ready_resources():
                pk, _ = self.pick(resources, index)
                self.operate(lambda: trash.delete_as_staff(resource_id=UUID(pk)))
            case "restore":
                self.restore_resource(index)

    def approve_unknown_objects(self) -> None:
        """Approve the last report of unknown objects."""
        report = ReconcileReport.objects.order_by("-started_at").first()
        if report is None:
            return
        sql = "SELECT key FROM media_unknownobject WHERE report_id = %s"
        reported = {key for (key,) in database.select(sql, report.pk)}
        if self.operate(lambda: unknown_objects.approve(report.pk)):
            self.state.unknown_keys -= reported

    def restore_resource(self, index: int) -> None:
        """Restore a file from the trash, if there is one."""
        sql = (
            "SELECT id::text FROM media_mediaresource WHERE deleted_at IS NOT NULL"
            " ORDER BY created_at"
        )
        deleted = [pk for (pk,) in database.select(sql)]
        if deleted:
            path = f"media-resources/{self.pick(deleted, index)}/restore"
            response = self.request("root", "post", path)
            assert response is None or response.status_code in {200, 503}, response.content

    def operate(self, call: Callable[[], object]) -> bool:
        """Run a command; return whether it did its work."""
        raised_before = self.environment.faults.raised

        def run() -> bool:
            try:
                call()
            except (EmptyBucketError, ReportNotApprovableError, ResourceInUseError):
                return False
            except UnavailableError:
                assert self.environment.faults.raised > raised_before
                return False
            return True

        result = self.crashes.run(run)
        return result is None or result[0]

    def ready_resources(self) -> list[tuple[str, str]]:
        """Return the ids and keys of the verified files, oldest first."""
        sql = (
            "SELECT id::text, storage_key FROM media_mediaresource WHERE status = 'READY'"
            " ORDER BY created_at"
        )
        return [(pk, key) for pk, key in database.select(sql)]
