"""The task that fetches a remote image, once for its owner.

Only as many fetches are enqueued as may run at once, and each one enqueues the next: a queue full
of fetches that wait for a permit would delay all other tasks.
"""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import unquote
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.selectors import may_write
from bulkupload import enqueue
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services import lifecycle
from bulkupload.services.images import fetch_limits
from bulkupload.services.rows.import_chunk import OWNER_GONE
from media.models import Upload
from media.rules import keys
from media.rules.addresses import remote_urls
from media.rules.file_types.content_types import FILE_TYPES
from media.rules.file_types.signatures import SNIFF_BYTES, sniff
from media.services import uploads
from media.storage import RemoteBusyError, RemoteError, RemoteFault, RemoteFetcher
from sartiq.core import temporary_files
from sartiq.core.errors import UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.retry_policy import RETRY_DELAYS, RetryRowError
from sartiq.core.work.runner import Outcome, RowTask

log = structlog.get_logger(__name__)

BUSY_RETRY_DELAY: Final = timedelta(seconds=1)
NOT_AN_IMAGE: Final = "The URL does not lead to an image. Use the URL of the image file itself."
SWITCHED_OFF: Final = "Remote URLs are not fetched here. Upload the image."


@dataclass(frozen=True, kw_only=True)
class FetchFailure:
    """Why an image was not fetched, as the remote image stores it."""

    code: str
    message: str


ATTEMPTS_EXHAUSTED: Final = FetchFailure(
    code=RemoteFault.UNREACHABLE, message="The image could not be fetched in five attempts."
)
STORE_UNAVAILABLE: Final = FetchFailure(
    code="store_unavailable", message="The file store did not answer. Retry the upload later."
)


def fetch(remote_id: UUID, *, fetcher: RemoteFetcher | None = None) -> None:
    """Fetch one remote image, once, however often the task is delivered."""
    running = BulkUploadMediaBatch.objects.unfinished().filter(job__status=JobStatus.RUNNING)
    rows = RemoteImage.objects.unfinished().filter(pk=remote_id)
    lease = leases.take(rows.filter(batches__in=running))
    if lease is None:
        return
    outcome = _task(fetcher or RemoteFetcher()).run(lease)
    if outcome is Outcome.RETRIED:
        delay = RETRY_DELAYS[lease.attempts - 1]
        enqueue.fetch_image_later(remote_id, seconds=delay.total_seconds())
    crash_point("remote-fetched")
    _enqueue_batches(remote_id)
    if outcome is not Outcome.POSTPONED:  # the fetches with a permit enqueue the next ones
        _enqueue_next()


def _task(fetcher: RemoteFetcher) -> RowTask[RemoteImage, FetchFailure]:
    return RowTask(
        name="bulk_fetch",
        work=partial(_fetch, fetcher),
        fail=_fail,
        failure_of=_failure_of,
        attempts_exhausted=ATTEMPTS_EXHAUSTED,
    )


def _fetch(fetcher: RemoteFetcher, lease: Lease[RemoteImage]) -> None:
    row = lease.rows.get()
    if not remote_urls.is_fetchable(row.url) or not settings.BULK_REMOTE_IMAGES:
        raise RemoteError(RemoteFault.NOT_ALLOWED, SWITCHED_OFF)
    with fetch_limits.fetch_permit() as is_free:
        if not is_free:
            raise RetryRowError("too many fetches", after=timedelta())
        if not _is_wanted(row):  # the owner's next job with this URL fetches it
            lease.release(count_attempt=False)
            return
        limited = replace(fetcher, host_permit=fetch_limits.host_permit)
        upload = _fetch_with_permit(lease, row, limited)
    crash_point("remote-stored")
    _save(lease, status=RemoteStatus.FETCHED, upload=upload)


def _fetch_with_permit(
    lease: Lease[RemoteImage], row: RemoteImage, fetcher: RemoteFetcher
) -> Upload:
    try:
        with lease.renewing():  # the remote host and the store may take longer than a lease
            return _fetch_and_store(lease, row, fetcher)
    except RemoteBusyError:
        raise RetryRowError("too many fetches from the host", after=BUSY_RETRY_DELAY) from None
    except RemoteError as error:
        if error.is_temporary:
            raise RetryRowError(error.message) from error
        raise


def _failure_of(error: Exception) -> FetchFailure | None:
    cause = error.__cause__ if isinstance(error, RetryRowError) else error
    if isinstance(cause, RemoteError):
        return FetchFailure(code=cause.fault, message=cause.message)
    return STORE_UNAVAILABLE if isinstance(cause, (UnavailableError, OSError)) else None


def _is_wanted(row: RemoteImage) -> bool:
    """Cancel the waiting jobs whose user may no longer write; return whether another job waits."""
    waiting = BulkUploadMediaBatch.objects.unfinished().filter(remotes=row)
    jobs = BulkUploadJob.objects.filter(status=JobStatus.RUNNING, batches__in=waiting)
    is_wanted = False
    for job in jobs.select_related("user").distinct():
        if job.user.is_active and may_write(job.user, job.scope):
            is_wanted = True
        else:
            lifecycle.cancel(job.pk, code="owner_gone", message=OWNER_GONE)
    return is_wanted


def _fetch_and_store(lease: Lease[RemoteImage], row: RemoteImage, fetcher: RemoteFetcher) -> Upload:
    """Fetch the bytes to disk, check their type and store them as an upload."""
    with temporary_files.nameless_file() as body:
        fetcher.fetch(row.url, into=body)
        lease.renew()
        body.seek(0)
        content_type = sniff(body.read(SNIFF_BYTES))
        file_type = FILE_TYPES.get(content_type or "")
        if content_type is None or file_type is None or not file_type.is_image:
            raise RemoteError(RemoteFault.NOT_AN_IMAGE, NOT_AN_IMAGE)
        body.seek(0)
        return uploads.save_fetched(
            user_id=row.user_id,
            organization_id=row.organization_id,
            filename=_file_name(row.url),
            content_type=content_type,
            body=body,
            now=timezone.now(),
        )


def _file_name(url: str) -> str:
    """Return the last part of a URL's path."""
    name = unquote(url.partition("?")[0].rpartition("/")[2])
    return "image" if not name or keys.has_control_characters(name) else name


def _fail(lease: Lease[RemoteImage], failure: FetchFailure) -> None:
    _save(
        lease,
        status=RemoteStatus.FAILED,
        failure_code=failure.code,
        failure_message=failure.message,
    )


def _save(lease: Lease[RemoteImage], **fields: object) -> None:
    with transaction.atomic():
        row = lease.require_held()
        for name, value in fields.items():
            setattr(row, name, value)
        row.lease_holder, row.lease_expires_at = None, None
        row.save()
        crash_point("remote-saving")


def _enqueue_batches(remote_id: UUID) -> None:
    """Enqueue the batches for which this was the last missing image.

    Runs after the commit: if two fetches end at the same time, the later one sees both images.
    """
    rows = BulkUploadMediaBatch.objects.unfinished().filter(remotes=remote_id)
    for pk in rows.exclude(remotes__status=RemoteStatus.WAITING).values_list("pk", flat=True):
        enqueue.attach_media(pk)


def _enqueue_next() -> None:
    """Enqueue a waiting image of a random owner, so that an owner of many does not delay others.

    Of that owner's images it takes the one that was enqueued longest ago, or never: tasks of the
    others may still be in the queue.
    """
    rows = RemoteImage.objects.waiting(sent_before=timezone.now())
    by_owner = rows.order_by("organization_id", "user_id", F("sent_at").asc(nulls_first=True), "pk")
    ids = list(by_owner.distinct("organization_id", "user_id").values_list("pk", flat=True))
    if ids:
        chosen = random.choice(ids)  # noqa: S311  not a secret
        RemoteImage.objects.filter(pk=chosen).update(sent_at=timezone.now())
        enqueue.fetch_image(chosen)
