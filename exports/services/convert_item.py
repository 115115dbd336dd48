"""Making one file of an export: its bytes first, DONE last, once whoever dies meanwhile.

The object's deletion is queued before it is put and taken back in the transaction that marks the
item DONE (`docs/design/exports.md`), so nothing stays of a worker that died between.
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

from exports.errors import ConversionError, Fault, ItemFaultError, StoringTooSlowError
from exports.models import ExportItem, ExportRun, ImageFormat, ItemStatus, RunStatus
from exports.services import conversion, dispatch, naming
from media.errors import (
    ObjectNotFoundError,
    PreconditionFailedError,
    StoreRefusedError,
    StoreUnavailableError,
)
from media.models import Bucket, DeletionReason, MediaResource, ResourceStatus, ResourceType
from media.rules import keys
from media.rules.failures import sentence_for
from media.rules.limits import MIB
from media.services import deletions
from media.storage import ObjectHeaders, private_store, public_store
from sartiq.core import temporary_files
from sartiq.core.work import leases
from sartiq.core.work.crash_points import reach
from sartiq.core.work.leases import Lease, LeaseLostError

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 5
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 180, 300))
WHILE_STORE_REFUSES: Final = timedelta(seconds=30)
MOST_WAITS: Final = 60  # looks at a resource that is still being taken in: about an hour
LONGEST_WAIT: Final = timedelta(seconds=60)
GAVE_UP: Final = Fault("attempts_exhausted", "Every worker that made this file died.")
NO_STORE: Final = Fault("store_unavailable", "The file store did not answer, five times.")
GONE: Final = Fault("resource_deleted", "The file was deleted before it was exported.")
CHANGED: Final = Fault("source_changed", "The stored bytes are not those of the file.")
STILL_PENDING: Final = Fault("resource_pending", "The file was not taken in for an hour.")


class NotReadyError(Exception):
    """Raised when a resource is still being taken in."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """The bytes of one exported file, on our disk."""

    path: Path
    size: int
    sha256: str
    content_type: str
    width: int | None
    height: int | None


def make(item_id: UUID) -> None:
    """Make one file, once, however often the task is delivered."""
    lease = leases.take(ExportItem.objects.unfinished().filter(pk=item_id))
    if lease is None:
        return
    item = ExportItem.objects.select_related("run").get(pk=item_id)
    _begin(item.run)
    try:
        _attempt(lease, item)
    except LeaseLostError:
        log.info("export_item_overtaken", item_id=str(item_id))
    else:
        dispatch.advance(item.run_id)


def _begin(run: ExportRun) -> None:
    """Move a run from QUEUED to RUNNING, once."""
    queued = ExportRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED)
    queued.update(status=RunStatus.RUNNING, started_at=Now(), updated_at=Now())


def _attempt(lease: Lease[ExportItem], item: ExportItem) -> None:
    try:
        if lease.attempts > MOST_ATTEMPTS:  # its worker died every time
            _fail(lease, GAVE_UP)
        else:
            _convert(lease, item)
    except ItemFaultError as refused:
        _fail(lease, refused.fault)
    except ConversionError as error:
        _fail(lease, Fault(error.code, str(error)))
    except NotReadyError:
        _wait(lease, item)
    except StoreRefusedError:  # wrong credentials: no file is at fault, so none is given up
        lease.release(after=WHILE_STORE_REFUSES, uncounted=True)
    except (StoreUnavailableError, StoringTooSlowError):
        if lease.attempts >= MOST_ATTEMPTS:
            _fail(lease, NO_STORE)
        else:
            lease.release(after=PAUSES[lease.attempts - 1])


def _convert(lease: Lease[ExportItem], item: ExportItem) -> None:
    resource = _resource_of(item)
    with temporary_files.folder() as folder:
        source = folder / "source"
        _download(lease, resource, source)
        reach("export-downloaded")
        with lease.kept():
            made = _made(resource, source, folder / "target", ImageFormat(item.run.image_format))
        reach("export-converted")
        lease.renew()
        _keep(lease, item, made)


def _resource_of(item: ExportItem) -> MediaResource:
    """Return the resource an item exports, when its bytes are there and verified."""
    resource = MediaResource.objects.filter(pk=item.resource_id).first()
    if resource is None:
        raise ItemFaultError(GONE)
    if resource.status == ResourceStatus.FAILED:
        raise ItemFaultError(Fault("resource_failed", sentence_for(resource.failure_code)))
    if resource.status == ResourceStatus.PENDING:
        raise NotReadyError
    return resource


def _download(lease: Lease[ExportItem], resource: MediaResource, target: Path) -> None:
    """Write the canonical bytes to a file, and make sure they are those that were taken in."""
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
        raise ItemFaultError(GONE) from None
    except PreconditionFailedError:
        raise ItemFaultError(CHANGED) from None
    if digest.hexdigest() != resource.content_hash:
        raise ItemFaultError(CHANGED)


def _made(resource: MediaResource, source: Path, target: Path, image_format: ImageFormat) -> Made:
    if not naming.is_converted(resource, image_format):
        return _original(resource, source)
    converted = conversion.convert(source, target, image_format=image_format)
    return Made(
        path=target,
        size=converted.size,
        sha256=converted.sha256,
        content_type=converted.content_type,
        width=converted.width,
        height=converted.height,
    )


def _original(resource: MediaResource, source: Path) -> Made:
    """Return the stored bytes; of an image, those of the picture without a trailer."""
    is_image = resource.resource_type == ResourceType.IMAGE
    if is_image and conversion.cut_trailer(source, resource.content_type):
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        sha256 = resource.content_hash
    return Made(
        path=source,
        size=source.stat().st_size,
        sha256=sha256,
        content_type=resource.content_type,
        width=resource.width,
        height=resource.height,
    )


def _keep(lease: Lease[ExportItem], item: ExportItem, made: Made) -> None:
    """Put the bytes into the private store, then mark the item DONE."""
    key = keys.private_key(
        keys.PrivateArea.EXPORTS, item.run_id, "items", f"{item.position}-{lease.fence}"
    )
    deletions.queue_unless_spared(key, bucket=Bucket.PRIVATE, reason=DeletionReason.EXPIRED)
    crc32 = _crc32(made.path)
    with made.path.open("rb") as body:
        private_store().put(key, body, headers=ObjectHeaders(content_type=made.content_type))
    reach("export-put")
    with transaction.atomic():
        held = lease.require_held()
        if not deletions.spare(key, bucket=Bucket.PRIVATE):
            raise StoringTooSlowError
        held.status, held.finished_at = ItemStatus.DONE, Now()
        held.result_key, held.result_size = key, made.size
        held.result_sha256, held.result_crc32 = made.sha256, crc32
        held.result_type = made.content_type
        held.width, held.height = made.width, made.height
        _settle(held)
        reach("export-marking")
    reach("export-marked")


def _crc32(path: Path) -> int:
    """Return the CRC-32 of a file: the archive names it before the bytes."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            crc = zlib.crc32(chunk, crc)
    return crc


def _wait(lease: Lease[ExportItem], item: ExportItem) -> None:
    """Look again later: the resource has its own worker and its own end."""
    if item.waits >= MOST_WAITS:
        _fail(lease, STILL_PENDING)
        return
    ExportItem.objects.filter(pk=item.pk).update(waits=F("waits") + 1)
    pause = min(timedelta(seconds=2 ** min(item.waits, 6)), LONGEST_WAIT)
    lease.release(after=pause, uncounted=True)


def _fail(lease: Lease[ExportItem], fault: Fault) -> None:
    with transaction.atomic():
        held = lease.require_held()
        held.status, held.finished_at = ItemStatus.FAILED, Now()
        held.failure_code, held.failure_message = fault.code, fault.message
        _settle(held)
    log.warning("export_item_failed", item_id=str(held.pk), code=fault.code)


def _settle(held: ExportItem) -> None:
    held.lease_holder = held.lease_expires_at = None
    held.save()
