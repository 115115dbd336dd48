"""The task that attaches one photo to its product.

`media.services.ingest` checks the bytes outside any transaction. The resource, the slot of the
product and the status of the photo commit together, under the lease of the photo and only while its
batch runs.
"""

from uuid import UUID

from django.db import transaction

from accounts.selectors import may_write
from bulkupload.models import PhotoBatch, PhotoFile, PhotoStatus
from bulkupload.rules.photos.failures import PhotoFailure, failure
from bulkupload.services.photos import dispatch, lifecycle, slots
from catalog.services import attach_images
from media import selectors as media_selectors
from media.errors import IngestTimeError
from media.models import MediaResource, Upload
from media.services import attachments
from media.services.ingest import resolve
from media.services.ingest.claim import CheckedFiles, claim_all
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import InvalidValuesError, UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.retry_policy import RetryRowError
from sartiq.core.work.runner import Outcome, RowTask


class PhotoRefusedError(Exception):
    """Raised when a photo cannot be attached and a retry would not help."""

    def __init__(self, reason: PhotoFailure) -> None:
        super().__init__(reason.message)
        self.reason = reason


def attach(photo_id: UUID) -> None:
    """Attach one photo, once, however often the task is delivered."""
    lease = leases.take(PhotoFile.objects.to_attach().filter(pk=photo_id))
    if lease is None:
        return
    batch_id = PhotoFile.objects.values_list("batch_id", flat=True).get(pk=photo_id)
    if TASK.run(lease) is not Outcome.STOPPED:
        crash_point("photo-attached")
        dispatch.advance(batch_id)


def _attach(lease: Lease[PhotoFile]) -> None:
    photo = PhotoFile.objects.select_related("batch__user").get(pk=lease.pk)
    batch = photo.batch
    if not batch.user.is_active or not may_write(batch.user, batch.scope):
        lifecycle.cancel_without_owner(batch.pk)
        raise lifecycle.BatchStoppedError
    file = FileReference(loc=("body", 0), url=_url_of(photo))
    ingest = MediaResourceService(public_store())
    try:
        with lease.renewing():  # reading the file may take longer than a lease
            for attempt in retry_on_contention():
                with attempt:
                    checked = ingest.check(user=batch.user, scope=batch.scope, files=[file])
                    with transaction.atomic():
                        _save(lease, batch, checked, file)
    except InvalidValuesError as error:
        raise PhotoRefusedError(_refusal_of(error, batch, file)) from error
    except IngestTimeError as error:  # the store may only be slow now
        raise RetryRowError(str(error)) from error


def _save(
    lease: Lease[PhotoFile], batch: PhotoBatch, checked: CheckedFiles, file: FileReference
) -> None:
    """Claim the file and put it into the slot, in the order in which all code locks rows."""
    product_id = PhotoFile.objects.values_list("product_id", flat=True).get(pk=lease.pk)
    if product_id is None or not attach_images.lock_products(batch.scope, {product_id}):
        raise PhotoRefusedError(failure("product_deleted"))
    lifecycle.require_running(batch.pk)
    photo = lease.require_held()
    if photo.product_id != product_id:
        raise leases.LeaseLostError
    conflict = slots.conflict_of(photo, _hash_of(checked, file), replaces=batch.replaces)
    if conflict is not None:
        _save_status(photo, PhotoStatus.CONFLICT, conflict=conflict)
        return
    resource = claim_all(checked, releasing=slots.attached_resource_ids(photo))[file.url]
    if batch.replaces:
        attachments.start_grace({resource.pk})
        _save_status(photo, PhotoStatus.INGESTED, resource=resource)
    else:
        slots.add(photo, resource)
        crash_point("photo-slot-filled")
        _save_status(photo, PhotoStatus.ATTACHED, resource=resource)


def _save_status(
    photo: PhotoFile,
    status: PhotoStatus,
    *,
    resource: MediaResource | None = None,
    conflict: PhotoFailure | None = None,
) -> None:
    PhotoFile.objects.filter(pk=photo.pk).update(
        status=status,
        resource_id=resource.pk if resource else photo.resource_id,
        failure_code=conflict.code if conflict else "",
        failure_message=conflict.message if conflict else "",
        **lifecycle.WITHOUT_LEASE,
    )


def _url_of(photo: PhotoFile) -> str:
    """Return the URL of the bytes of a photo: of its upload, or of the owner's stored file."""
    if photo.upload_id is not None:
        upload: Upload | None = Upload.objects.filter(pk=photo.upload_id).first()
        if upload is not None:
            return media_selectors.public_url(upload.key)
    elif photo.resource_id is not None:
        resource = MediaResource.objects.filter(pk=photo.resource_id).first()
        url = media_selectors.resource_url(resource) if resource else None
        if url is not None:
            return url
    raise PhotoRefusedError(failure("file_not_found"))


def _hash_of(checked: CheckedFiles, file: FileReference) -> str:
    source = checked.sources_by_url[file.url]
    if source is None:
        raise TypeError(file)
    examined = checked.results_by_key.get(source.key)
    stored = source.resource.content_hash if source.resource else ""
    return str(getattr(examined, "content_hash", stored))


def _refusal_of(error: InvalidValuesError, batch: PhotoBatch, file: FileReference) -> PhotoFailure:
    """Return why the ingest refused the file, now or earlier."""
    codes = resolve.refusals(user=batch.user, scope=batch.scope, urls=[file.url])
    return failure(codes.get(file.url) or error.issues[0].code)


def _failure_of(error: Exception) -> PhotoFailure | None:
    if isinstance(error, PhotoRefusedError):
        return error.reason
    is_outage = isinstance(error, (UnavailableError, OSError, RetryRowError))
    return failure("store_unavailable") if is_outage else None


def _fail(lease: Lease[PhotoFile], reason: PhotoFailure) -> None:
    photo = PhotoFile.objects.get(pk=lease.pk)
    with transaction.atomic():
        lifecycle.require_running(photo.batch_id)
        lease.require_held()
        lifecycle.fail(PhotoFile.objects.filter(pk=lease.pk), reason)


TASK = RowTask(
    name="photo",
    work=_attach,
    fail=_fail,
    failure_of=_failure_of,
    attempts_exhausted=failure("attempts_exhausted"),
)
