"""The remote images of an owner: each URL is fetched once; later uses get the same file."""

import hashlib
from collections.abc import Collection, Mapping
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import OwnerScope
from bulkupload import enqueue
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.rules.limits import INSERT_BATCH_SIZE
from media.models import Upload, UploadState
from media.rules.addresses.remote_urls import is_fetchable
from media.selectors import public_url
from media.services.ingest.resolve import usable


def find_allowed(scope: OwnerScope, urls: Collection[str]) -> dict[str, str]:
    """Return the allowed remote URLs, each with the URL of our copy, empty until it is fetched."""
    allowed = [url for url in urls if is_fetchable(url)] if settings.BULK_REMOTE_IMAGES else []
    if not allowed:
        return {}
    rows = _rows(scope, allowed)
    copies = {row.url: copy for row in rows if (copy := copy_url(row))}
    return {url: copies.get(url, "") for url in allowed}


def find(scope: OwnerScope, urls: Collection[str]) -> dict[str, RemoteImage]:
    """Return the remote images at these URLs."""
    return {row.url: row for row in _rows(scope, urls)} if urls else {}


def register(job: BulkUploadJob, urls: Collection[str]) -> dict[str, UUID]:
    """Have the missing images fetched; return their ids by URL.

    Runs in the caller's transaction. An image that failed before this job began, or that only ended
    jobs waited for, starts again with no attempts.
    """
    if not urls:
        return {}
    owner = {"user_id": job.user_id, "organization_id": job.organization_id}
    by_hash = {url_hash(url): url for url in urls}
    RemoteImage.objects.bulk_create(
        [RemoteImage(url=by_hash[key], url_hash=key, **owner) for key in sorted(by_hash)],
        batch_size=INSERT_BATCH_SIZE,
        ignore_conflicts=True,
    )
    rows = _rows(job.scope, urls).select_for_update(of=("self",)).order_by("url_hash")
    waiting = [row for row in rows if _must_be_fetched(row, job)]
    ids = [row.pk for row in waiting]
    _reset(ids)
    first = ids[: settings.BULK_REMOTE_AT_ONCE]  # each fetch enqueues the next one
    RemoteImage.objects.filter(pk__in=first).update(sent_at=Now())
    for pk in first:
        enqueue.fetch_image(pk)
    return {row.url: row.pk for row in waiting}


def _reset(ids: Collection[UUID]) -> None:
    """Reset the outcomes of these images, and the attempts that were made for ended jobs.

    An image that a worker is fetching now keeps its attempts.
    """
    rows = RemoteImage.objects.filter(pk__among=ids)
    running = BulkUploadMediaBatch.objects.unfinished().filter(job__status=JobStatus.RUNNING)
    tried = Q(attempts__gt=0) | Q(run_after__isnull=False)
    held = Q(lease_expires_at__gte=Now())
    abandoned = tried & ~held & ~Exists(running.filter(remotes=OuterRef("pk")))
    rows.filter(~Q(status=RemoteStatus.WAITING) | abandoned).update(
        status=RemoteStatus.WAITING,
        upload=None,
        failure_code="",
        failure_message="",
        attempts=0,
        run_after=None,
        updated_at=Now(),
    )


def save_links(remotes_by_batch: Mapping[UUID, Collection[UUID]]) -> None:
    """Save which batches wait for which remote images."""
    through = BulkUploadMediaBatch.remotes.through
    rows = [
        through(bulkuploadmediabatch_id=batch_id, remoteimage_id=pk)
        for batch_id, ids in remotes_by_batch.items()
        for pk in sorted(ids)
    ]
    through.objects.bulk_create(rows, batch_size=INSERT_BATCH_SIZE)


def url_hash(url: str) -> str:
    """Return the SHA-256 of a URL in hex."""
    return hashlib.sha256(url.encode()).hexdigest()


def copy_url(row: RemoteImage) -> str:
    """Return the URL of our copy of a remote image, empty if there is none."""
    if row.status != RemoteStatus.FETCHED or not _has_bytes(row.upload):
        return ""
    return public_url(row.upload.key) if row.upload else ""


def _has_bytes(upload: Upload | None) -> bool:
    """Whether the bytes of an upload exist, as a temporary object or as a resource."""
    if upload is None:
        return False
    return usable(upload.resource) is not None or upload.state == UploadState.ISSUED


def _must_be_fetched(row: RemoteImage, job: BulkUploadJob) -> bool:
    if row.status == RemoteStatus.FAILED and job.started_at is not None:
        return row.updated_at < job.started_at
    return not copy_url(row)


def _rows(scope: OwnerScope, urls: Collection[str]) -> "QuerySet[RemoteImage]":
    rows: QuerySet[RemoteImage] = RemoteImage.objects.in_scope(scope).filter(
        url_hash__among=[url_hash(url) for url in urls]
    )
    return rows.select_related("upload__resource")
