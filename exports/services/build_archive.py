"""Packing of one export: every finished file is streamed into one ZIP, then the run is finished.

Memory use is constant: one chunk of one file at a time is copied from store to store. The bytes are
hashed as they are read; if an object is missing or differs, its file is produced again.

The archive can be downloaded for `EXPORT_ARCHIVE_DAYS` (sartiq/settings/environment.py).
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from exports.actions import ExportAction
from exports.errors import Failure
from exports.models import ExportItem, ExportRun, ItemStatus, RunStatus
from exports.rules.adapters.base import ExportedFile
from exports.rules.archive import ArchiveEntry, write_archive
from exports.rules.limits import MAX_ARCHIVE_BYTES
from exports.rules.manifest import MANIFEST, FailedFile, PackedFile, manifest
from exports.selectors import adapter_by_code
from exports.services import dispatch, failures
from media.errors import ObjectNotFoundError
from media.models import Bucket, DeletionReason
from media.rules import keys
from media.services import deletions, stored_objects
from media.services.stored_objects import StoredObject
from media.storage import ObjectHeaders, private_store
from sartiq.core import events
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.runner import RowTask

log = structlog.get_logger(__name__)

HEADERS: Final = ObjectHeaders(content_type="application/zip", content_disposition="attachment")
NOTHING_EXPORTED: Final = Failure("nothing_exported", "None of the files could be exported.")
TOO_LARGE: Final = Failure(
    "archive_too_large",
    f"The files are larger than the {MAX_ARCHIVE_BYTES // 1024**3} GiB of an archive. "
    "Export fewer.",
)
ATTEMPTS_EXHAUSTED: Final = Failure(
    "attempts_exhausted",
    "Building the archive was interrupted five times. Start the export again.",
)


class ItemLostError(Exception):
    """Raised when the object of a finished file is missing or has different bytes."""

    def __init__(self, item: ExportItem) -> None:
        super().__init__(item.result_key)
        self.item = item


@dataclass
class StreamDigest:
    """The size and SHA-256 of a stream, computed while it is read."""

    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks, adding each to the size and the hash."""
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
        _fail(lease, NOTHING_EXPORTED)
    elif sum(item.result_size or 0 for item in items) > MAX_ARCHIVE_BYTES:
        _fail(lease, TOO_LARGE)
    else:
        try:
            _pack(lease, lease.pk, items)
        except ItemLostError as error:
            _requeue_item(lease, error.item)


def _failure_of(error: Exception) -> Failure | None:
    return failures.STORE_UNAVAILABLE if failures.is_outage(error) else None


def _pack(lease: Lease[ExportRun], run_id: UUID, items: list[ExportItem]) -> None:
    run = ExportRun.objects.get(pk=run_id)
    key = keys.private_key(keys.PrivateArea.EXPORTS, run_id, f"archive-{lease.fence}.zip")
    archive = StreamDigest()
    body = archive.read(write_archive(_entries(lease, run, items)))
    with lease.renewing():  # uploading one part may take as long as half a lease
        stored = stored_objects.put(private_store(), key, body, headers=HEADERS)
    crash_point("export-archived")
    _complete(lease, items, stored, archive)


def _entries(
    lease: Lease[ExportRun], run: ExportRun, items: list[ExportItem]
) -> Iterator[ArchiveEntry]:
    """Yield the archive's files: the exported files, the adapter's, the manifest."""
    crash_point("export-assembling")
    done_items = [item for item in items if item.status == ItemStatus.DONE]
    for item in done_items:
        yield _item_entry(lease, item)
    packed_files = [_packed_item(item) for item in done_items]
    for name, body in _metadata_files(run, done_items).items():
        digest = hashlib.sha256(body).hexdigest()
        packed_files.append(PackedFile(name=name, resource_id=None, size=len(body), sha256=digest))
        yield _generated_entry(name, body)
    failed_files = [_failed_file(item) for item in items if item.status == ItemStatus.FAILED]
    yield _generated_entry(MANIFEST, manifest(packed_files, failed_files))


def _item_entry(lease: Lease[ExportRun], item: ExportItem) -> ArchiveEntry:
    if item.result_crc32 is None:  # produced by a release that did not record it
        raise ItemLostError(item)
    return ArchiveEntry(
        name=item.name,
        size=item.result_size or 0,
        crc32=item.result_crc32,
        chunks=_bytes_of(lease, item),
    )


def _packed_item(item: ExportItem) -> PackedFile:
    return PackedFile(
        name=item.name,
        resource_id=str(item.resource_id),
        size=item.result_size or 0,
        sha256=item.result_sha256,
    )


def _failed_file(item: ExportItem) -> FailedFile:
    return FailedFile(name=item.name, resource_id=str(item.resource_id), code=item.failure_code)


def _metadata_files(run: ExportRun, done_items: list[ExportItem]) -> dict[str, bytes]:
    """Return the files that the run's adapter writes about the exported files, by name."""
    exported_files = [
        ExportedFile(name=item.name, sha256=item.result_sha256, values=item.values)
        for item in done_items
    ]
    return adapter_by_code(run.metadata_adapter).metadata_files(exported_files)


def _generated_entry(name: str, body: bytes) -> ArchiveEntry:
    return ArchiveEntry(name=name, size=len(body), crc32=zlib.crc32(body), chunks=[body])


def _bytes_of(lease: Lease[ExportRun], item: ExportItem) -> Iterator[bytes]:
    """Yield the bytes of one finished file, or raise ItemLostError if they differ."""
    stream = StreamDigest()
    try:
        with private_store().open(item.result_key) as chunks:
            if chunks.head.size != item.result_size:
                raise ItemLostError(item)
            for chunk in stream.read(chunks):
                lease.renew_if_old()
                yield chunk
    except ObjectNotFoundError:
        raise ItemLostError(item) from None
    if stream.digest.hexdigest() != item.result_sha256:
        raise ItemLostError(item)


def _complete(
    lease: Lease[ExportRun], items: list[ExportItem], stored: StoredObject, archive: StreamDigest
) -> None:
    is_complete = all(item.status == ItemStatus.DONE for item in items)
    with transaction.atomic():
        run = lease.require_held()
        stored.cancel_deletion()
        run.status = RunStatus.COMPLETED if is_complete else RunStatus.COMPLETED_WITH_ERRORS
        run.archive_key, run.archive_size = stored.key, archive.size
        run.archive_sha256 = archive.digest.hexdigest()
        run.expires_at = Now() + timedelta(days=settings.EXPORT_ARCHIVE_DAYS)
        _finish_run(run, items)
        failed = sum(item.status != ItemStatus.DONE for item in items)
        events.record(ExportAction.FINISHED, run, files=run.total, failed=failed)
        crash_point("export-finishing")
    crash_point("export-finished")


def _fail(lease: Lease[ExportRun], failure: Failure) -> None:
    with transaction.atomic():
        run = lease.require_held()
        run.status = RunStatus.FAILED
        run.failure_code, run.failure_message = failure.code, failure.message
        _finish_run(run, ExportItem.objects.done().filter(run=run))
        events.record(ExportAction.FAILED, run, code=failure.code)
    log.warning("export_failed", run_id=str(run.pk), code=failure.code)


def _finish_run(run: ExportRun, items: Iterable[ExportItem]) -> None:
    """Finish the run and queue the deletion of its intermediate objects."""
    run.finished_at = Now()
    run.lease_holder = run.lease_expires_at = None
    run.save()
    result_keys = [item.result_key for item in items if item.result_key]
    deletions.queue(
        result_keys, reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE, notify_workers=False
    )


def _requeue_item(lease: Lease[ExportRun], item: ExportItem) -> None:
    """Have a file produced again; the run is packed after that."""
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
