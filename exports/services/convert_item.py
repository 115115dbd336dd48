"""Production of one file of an export: bytes first, DONE last; safe to re-run after any crash.

The object's deletion is queued before it is put and cancelled in the transaction that marks the
item DONE (`docs/design/exports.md`), so a worker that dies in between leaves nothing behind.
"""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from exports.errors import ConversionError, Failure, ItemFailedError
from exports.models import ExportItem, ExportRun, ImageFormat, ItemStatus, RunStatus
from exports.services import conversion, dispatch, failures, naming
from media.errors import (
    ObjectNotFoundError,
    PreconditionFailedError,
)
from media.models import MediaResource, ResourceStatus, ResourceType
from media.rules import keys
from media.rules.failures import sentence_for
from media.rules.limits import MIB
from media.services import stored_objects
from media.storage import ObjectHeaders, private_store, public_store
from sartiq.core import temporary_files
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.retry_policy import RetryRowError
from sartiq.core.work.runner import Outcome, RowTask

log = structlog.get_logger(__name__)

MAX_WAITS: Final = 60  # times that a resource may still be PENDING: about an hour
MAX_WAIT_DELAY: Final = timedelta(seconds=60)
ATTEMPTS_EXHAUSTED: Final = Failure(
    "attempts_exhausted",
    "Exporting this file was interrupted five times. Start the export again.",
)
RESOURCE_DELETED: Final = Failure(
    "resource_deleted", "The file was deleted before it was exported."
)
SOURCE_CHANGED: Final = Failure("source_changed", "The stored file has changed.")
RESOURCE_STILL_PENDING: Final = Failure(
    "resource_pending", "Checking the file took more than an hour."
)


@dataclass(frozen=True, kw_only=True)
class ResultFile:
    """One file in its exported form, on the local disk."""

    path: Path
    size: int
    sha256: str
    content_type: str
    width: int | None
    height: int | None


def produce(item_id: UUID) -> None:
    """Produce one file; safe if the task is delivered repeatedly."""
    lease = leases.take(ExportItem.objects.unfinished().filter(pk=item_id))
    if lease is not None and TASK.run(lease) is not Outcome.STOPPED:
        dispatch.advance(lease.rows.get().run_id)


def _start_run(run: ExportRun) -> None:
    """Move a run from QUEUED to RUNNING, once."""
    queued = ExportRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED)
    queued.update(status=RunStatus.RUNNING, started_at=Now(), updated_at=Now())


def _failure_of(error: Exception) -> Failure | None:
    if isinstance(error, ItemFailedError):
        return error.failure
    if isinstance(error, ConversionError):
        return Failure(error.code, str(error))
    return failures.STORE_UNAVAILABLE if failures.is_outage(error) else None


def _convert(lease: Lease[ExportItem]) -> None:
    item = ExportItem.objects.select_related("run").get(pk=lease.pk)
    _start_run(item.run)
    resource = _resource_of(item)
    with temporary_files.folder() as folder:
        source = folder / "source"
        _download(lease, resource, source)
        crash_point("export-downloaded")
        with lease.renewing():
            result = _produce_file(
                resource, source, folder / "target", ImageFormat(item.run.image_format)
            )
        crash_point("export-converted")
        lease.renew()
        _save_result(lease, item, result)


def _resource_of(item: ExportItem) -> MediaResource:
    """Return the resource of an item once its bytes are stored and verified."""
    resource = MediaResource.objects.filter(pk=item.resource_id).first()
    if resource is None:
        raise ItemFailedError(RESOURCE_DELETED)
    if resource.status == ResourceStatus.FAILED:
        raise ItemFailedError(Failure("resource_failed", sentence_for(resource.failure_code)))
    if resource.status == ResourceStatus.PENDING:
        raise RetryRowError("resource pending", after=_next_check(item))
    return resource


def _download(lease: Lease[ExportItem], resource: MediaResource, target: Path) -> None:
    """Copy the canonical bytes to a file and verify their digest."""
    digest = hashlib.sha256()
    store = public_store()
    try:
        with (
            store.open(resource.storage_key, if_match=resource.etag) as chunks,
            target.open("wb") as file,
        ):
            for chunk in chunks:
                lease.renew_if_old()
                digest.update(chunk)
                file.write(chunk)
    except ObjectNotFoundError:
        raise ItemFailedError(RESOURCE_DELETED) from None
    except PreconditionFailedError:
        raise ItemFailedError(SOURCE_CHANGED) from None
    if digest.hexdigest() != resource.content_hash:
        raise ItemFailedError(SOURCE_CHANGED)


def _produce_file(
    resource: MediaResource, source: Path, target: Path, image_format: ImageFormat
) -> ResultFile:
    if not naming.is_converted(resource, image_format):
        return _original_file(resource, source)
    converted = conversion.convert_image(source, target, image_format=image_format)
    return ResultFile(
        path=target,
        size=converted.size,
        sha256=converted.sha256,
        content_type=converted.content_type,
        width=converted.width,
        height=converted.height,
    )


def _original_file(resource: MediaResource, source: Path) -> ResultFile:
    """Return the stored file; any data after the end of an image is cut off."""
    is_image = resource.resource_type == ResourceType.IMAGE
    if is_image and conversion.cut_trailer(source, resource.content_type):
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        sha256 = resource.content_hash
    return ResultFile(
        path=source,
        size=source.stat().st_size,
        sha256=sha256,
        content_type=resource.content_type,
        width=resource.width,
        height=resource.height,
    )


def _save_result(lease: Lease[ExportItem], item: ExportItem, result: ResultFile) -> None:
    """Put the bytes into the private store, then mark the item DONE."""
    key = keys.private_key(
        keys.PrivateArea.EXPORTS, item.run_id, "items", f"{item.position}-{lease.fence}"
    )
    crc32 = _crc32(result.path)
    with result.path.open("rb") as body:
        headers = ObjectHeaders(content_type=result.content_type)
        stored = stored_objects.put(private_store(), key, body, headers=headers)
    crash_point("export-put")
    with transaction.atomic():
        locked = lease.require_held()
        stored.cancel_deletion()
        locked.status, locked.finished_at = ItemStatus.DONE, Now()
        locked.result_key, locked.result_size = key, result.size
        locked.result_sha256, locked.result_crc32 = result.sha256, crc32
        locked.result_type = result.content_type
        locked.width, locked.height = result.width, result.height
        _release_and_save(locked)
        crash_point("export-marking")
    crash_point("export-marked")


def _crc32(path: Path) -> int:
    """Return the CRC-32 of a file, which precedes the bytes in the archive."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            crc = zlib.crc32(chunk, crc)
    return crc


def _next_check(item: ExportItem) -> timedelta:
    """Return the delay until a pending resource is checked again."""
    if item.waits >= MAX_WAITS:
        raise ItemFailedError(RESOURCE_STILL_PENDING)
    ExportItem.objects.filter(pk=item.pk).update(waits=F("waits") + 1)
    return min(timedelta(seconds=2 ** min(item.waits, 6)), MAX_WAIT_DELAY)


def _fail(lease: Lease[ExportItem], failure: Failure) -> None:
    with transaction.atomic():
        locked = lease.require_held()
        locked.status, locked.finished_at = ItemStatus.FAILED, Now()
        locked.failure_code, locked.failure_message = failure.code, failure.message
        _release_and_save(locked)
    log.warning("export_item_failed", item_id=str(locked.pk), code=failure.code)


def _release_and_save(locked: ExportItem) -> None:
    locked.lease_holder = locked.lease_expires_at = None
    locked.save()


TASK: Final = RowTask(
    name="export_item",
    work=_convert,
    fail=_fail,
    failure_of=_failure_of,
    attempts_exhausted=ATTEMPTS_EXHAUSTED,
)
