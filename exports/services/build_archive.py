"""Packing of one export: every finished file is streamed into one ZIP, then the run is finished.

Memory stays flat: one chunk of one file at a time goes from store to store. What is read is hashed
on its way; an object that is gone or differs sends its item back to be produced again.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Now

from exports.errors import Failure
from exports.models import ExportItem, ExportRun, ItemStatus, RunStatus
from exports.rules.adapters.base import ExportedFile
from exports.rules.archive import ArchiveEntry, write_archive
from exports.rules.limits import KEPT_FOR, MAX_ARCHIVE_BYTES
from exports.rules.manifest import MANIFEST, Listed, Missing, manifest
from exports.selectors import adapter_by_code
from exports.services import dispatch
from media.errors import ObjectNotFoundError
from media.models import Bucket, DeletionReason
from media.rules import keys
from media.services import deletions, stored_objects
from media.services.stored_objects import StoredObject, StoringTooSlowError
from media.storage import ObjectHeaders, private_store
from sartiq.core.errors import UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.runner import RowTask

log = structlog.get_logger(__name__)

HEADERS: Final = ObjectHeaders(content_type="application/zip", content_disposition="attachment")
NOTHING: Final = Failure("nothing_exported", "None of the files could be exported.")
TOO_LARGE: Final = Failure(
    "archive_too_large",
    f"The files are larger than the {MAX_ARCHIVE_BYTES // 1024**3} GiB of an archive. "
    "Export fewer.",
)
ATTEMPTS_EXHAUSTED: Final = Failure(
    "attempts_exhausted",
    "Building the archive was interrupted five times. Start the export again.",
)
STORE_UNAVAILABLE: Final = Failure("store_unavailable", "The file store did not answer for a day.")


class ItemLostError(Exception):
    """Raised when the object of a finished file is gone or holds different bytes."""

    def __init__(self, item: ExportItem) -> None:
        super().__init__(item.result_key)
        self.item = item


@dataclass
class Measured:
    """Bytes that are counted and hashed as they pass."""

    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks."""
        for chunk in chunks:
            self.size += len(chunk)
            self.digest.update(chunk)
            yield chunk


def assemble(run_id: UUID) -> None:
    """Pack one run whose files are finished; safe if the task is delivered repeatedly."""
    lease = leases.take(ExportRun.objects.converted().filter(pk=run_id))
    if lease is not None:
        TASK.run(lease)


def _assemble(lease: Lease[ExportRun]) -> None:
    items = list(ExportItem.objects.filter(run_id=lease.pk).order_by("position"))
    if not any(item.status == ItemStatus.DONE for item in items):
        _fail(lease, NOTHING)
    elif sum(item.result_size or 0 for item in items) > MAX_ARCHIVE_BYTES:
        _fail(lease, TOO_LARGE)
    else:
        try:
            _pack(lease, lease.pk, items)
        except ItemLostError as lost:
            _make_again(lease, lost.item)


def _failure_of(error: Exception) -> Failure | None:
    is_passing = isinstance(error, (UnavailableError, OSError, StoringTooSlowError))
    return STORE_UNAVAILABLE if is_passing else None


def _pack(lease: Lease[ExportRun], run_id: UUID, items: list[ExportItem]) -> None:
    run = ExportRun.objects.get(pk=run_id)
    key = keys.private_key(keys.PrivateArea.EXPORTS, run_id, f"archive-{lease.fence}.zip")
    measured = Measured()
    body = measured.passing(write_archive(_entries(lease, run, items)))
    with lease.renewing():  # one part may take as long as half a lease
        stored = stored_objects.put(private_store(), key, body, headers=HEADERS)
    crash_point("export-archived")
    _complete(lease, items, stored, measured)


def _entries(
    lease: Lease[ExportRun], run: ExportRun, items: list[ExportItem]
) -> Iterator[ArchiveEntry]:
    """Yield the archive's files: the exported files, the adapter's, the manifest."""
    crash_point("export-assembling")
    created = [item for item in items if item.status == ItemStatus.DONE]
    for item in created:
        if item.result_crc32 is None:  # written by a release that did not record it
            raise ItemLostError(item)
        yield ArchiveEntry(
            name=item.name,
            size=item.result_size or 0,
            crc32=item.result_crc32,
            chunks=_bytes_of(lease, item),
        )
    values = adapter_by_code(run.metadata_adapter).metadata_files(
        [_exported(each) for each in created]
    )
    listed = [
        Listed(
            name=item.name,
            resource_id=str(item.resource_id),
            size=item.result_size or 0,
            sha256=item.result_sha256,
        )
        for item in created
    ]
    for name, body in values.items():
        digest = hashlib.sha256(body).hexdigest()
        listed.append(Listed(name=name, resource_id=None, size=len(body), sha256=digest))
        yield _written_here(name, body)
    last = manifest(listed, (_missing(each) for each in items if each.status == ItemStatus.FAILED))
    yield _written_here(MANIFEST, last)


def _written_here(name: str, body: bytes) -> ArchiveEntry:
    return ArchiveEntry(name=name, size=len(body), crc32=zlib.crc32(body), chunks=[body])


def _bytes_of(lease: Lease[ExportRun], item: ExportItem) -> Iterator[bytes]:
    """Yield the bytes of one finished file, or raise ItemLostError if they differ."""
    measured = Measured()
    try:
        with private_store().open(item.result_key) as chunks:
            if chunks.head.size != item.result_size:
                raise ItemLostError(item)
            for chunk in measured.passing(chunks):
                lease.renew_if_old()
                yield chunk
    except ObjectNotFoundError:
        raise ItemLostError(item) from None
    if measured.digest.hexdigest() != item.result_sha256:
        raise ItemLostError(item)


def _exported(item: ExportItem) -> ExportedFile:
    return ExportedFile(name=item.name, sha256=item.result_sha256, values=item.values)


def _missing(item: ExportItem) -> Missing:
    return Missing(name=item.name, resource_id=str(item.resource_id), code=item.failure_code)


def _complete(
    lease: Lease[ExportRun], items: list[ExportItem], stored: StoredObject, measured: Measured
) -> None:
    whole = all(item.status == ItemStatus.DONE for item in items)
    with transaction.atomic():
        run = lease.require_held()
        stored.cancel_deletion()
        run.status = RunStatus.COMPLETED if whole else RunStatus.COMPLETED_WITH_ERRORS
        run.archive_key, run.archive_size = stored.key, measured.size
        run.archive_sha256 = measured.digest.hexdigest()
        run.expires_at = Now() + KEPT_FOR
        _end(run, items)
        crash_point("export-finishing")
    crash_point("export-finished")


def _fail(lease: Lease[ExportRun], failure: Failure) -> None:
    with transaction.atomic():
        run = lease.require_held()
        run.status = RunStatus.FAILED
        run.failure_code, run.failure_message = failure.code, failure.message
        _end(run, ExportItem.objects.done().filter(run=run))
    log.warning("export_failed", run_id=str(run.pk), code=failure.code)


def _end(run: ExportRun, items: Iterable[ExportItem]) -> None:
    """Finish the run and queue the deletion of its intermediate objects."""
    run.finished_at = Now()
    run.lease_holder = run.lease_expires_at = None
    run.save()
    made = [item.result_key for item in items if item.result_key]
    deletions.queue(
        made, reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE, notify_workers=False
    )


def _make_again(lease: Lease[ExportRun], item: ExportItem) -> None:
    """Send a file back to be produced; the run is packed after that."""
    log.warning("export_item_lost", item_id=str(item.pk))
    with transaction.atomic():
        lease.require_held()
        deletions.queue([item.result_key], reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE)
        ExportItem.objects.done().filter(pk=item.pk).update(
            status=ItemStatus.WAITING,
            result_key="",
            attempts=0,
            run_after=None,
            unavailable_since=None,
            sent_at=None,
            finished_at=None,
            updated_at=Now(),
        )
        lease.release()
    dispatch.send_next(item.run_id)


TASK: Final = RowTask(
    name="export",
    work=_assemble,
    fail=_fail,
    failure_of=_failure_of,
    attempts_exhausted=ATTEMPTS_EXHAUSTED,
)
