"""The transaction that attaches the images of some products of a batch.

It also replaces earlier rows that are still pending for the same slots. Locks are always taken in
this order: the products by SKU, the batches by id, the jobs by id, the rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from bulkupload.codes import ImageCode
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteImage,
)
from bulkupload.rules.rows.image_cells import ImageWarning
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.images import outcomes, remote_cache
from bulkupload.services.images.outcomes import ImageCounts, Outcome
from catalog.services import attach_images
from media.models import MediaResource, ResourceStatus
from media.rules.failures import sentence_for
from media.services.ingest import resolve
from media.services.ingest.claim import claim_all
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import InvalidValuesError, Issue
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease

NOT_FOUND: Final[ImageCode] = "image_not_found"
NOT_FOUND_MESSAGE: Final = (
    "The image does not exist or was deleted. Upload it again and enter its new URL."
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why an image is not attached."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StoredUrls:
    """The URLs of a batch's images in our store, by the URLs in its rows.

    They are the same, except for remote images, of which the store has a copy. `refused` has the
    stored URLs whose images are not attached.
    """

    by_row_url: Mapping[str, str]
    refused: Mapping[str, Refusal]

    def usable(self, rows: Iterable[BulkUploadMedia]) -> list[str]:
        """Return the stored URLs of these rows that are not refused, without duplicates."""
        stored = dict.fromkeys(self.by_row_url[url] for row in rows for url in row.urls)
        return [url for url in stored if url not in self.refused]

    def usable_url(self, row_url: str) -> str:
        """Return the stored URL of an image, empty if it is refused."""
        stored = self.by_row_url[row_url]
        return "" if stored in self.refused else stored

    def refusal_of(self, row_url: str) -> Refusal | None:
        """Return why an image is refused, None if it is not."""
        return self.refused.get(self.by_row_url[row_url])

    def with_refused(self, refused: Mapping[str, Refusal]) -> "StoredUrls":
        """Return the same URLs with more of them refused."""
        return replace(self, refused={**self.refused, **refused})


@dataclass(frozen=True, kw_only=True)
class LockedRows:
    """The rows whose outcome one transaction saves.

    `slots` holds the stored URLs to attach to each slot of each product. `attached` are the rows of
    the batch whose product exists, `deleted` those whose product does not. `replaced` are rows of
    other batches for the same slots that came earlier.
    """

    slots: Mapping[UUID, Mapping[str, list[str]]]
    attached: list[BulkUploadMedia]
    deleted: list[BulkUploadMedia]
    replaced: list[BulkUploadMedia]


def stored_urls_of(
    rows: Iterable[BulkUploadMedia], remotes: Mapping[str, RemoteImage]
) -> StoredUrls:
    """Return the stored URLs of the images of rows; a remote image without a copy is refused."""
    by_row_url: dict[str, str] = {}
    refused: dict[str, Refusal] = {}
    for url in {url for row in rows for url in row.urls}:
        remote = remotes.get(url)
        stored = remote_cache.copy_url(remote) if remote else url
        if remote and not stored:
            refused[url] = _refusal_of_remote(remote)
        by_row_url[url] = stored or url
    return StoredUrls(by_row_url=by_row_url, refused=refused)


def _refusal_of_remote(remote: RemoteImage) -> Refusal:
    # Another batch may have refused the file since it was fetched.
    code = remote.upload.refusal if remote.upload else ""
    return Refusal(
        code=remote.failure_code or code or NOT_FOUND,
        message=remote.failure_message or (sentence_for(code) if code else NOT_FOUND_MESSAGE),
    )


def attach_products(
    lease: Lease[BulkUploadMediaBatch],
    batch: BulkUploadMediaBatch,
    rows: list[BulkUploadMedia],
    stored_urls: StoredUrls,
) -> None:
    """Attach the images of some rows to their products.

    Raises what `MediaResourceService.check` and `claim_all` raise; the `input` of an issue is the
    stored URL of the refused image.
    """
    job = batch.job
    ingest = MediaResourceService(public_store())
    files = [FileReference(loc=("body",), url=url) for url in stored_urls.usable(rows)]
    product_ids = {row.product_id for row in rows}
    for attempt in retry_on_contention():
        with attempt:
            checked = ingest.check(user=job.user, scope=job.scope, files=files)
            with transaction.atomic():
                existing = attach_images.lock_products(job.scope, product_ids)
                locked = _lock_rows(lease, batch, rows, stored_urls, existing)
                detached = attach_images.attached_resource_ids(locked.slots)
                resources_by_url = claim_all(checked, releasing=detached)
                attach_images.fill_slots(locked.slots, resources_by_url)
                _save(job, stored_urls, locked, resources_by_url)


def refusals_in(error: InvalidValuesError, job: BulkUploadJob) -> dict[str, Refusal]:
    """Return why the ingest refused files, by stored URL, now or earlier for another batch."""
    issues_by_url: dict[str, Issue] = {issue.input: issue for issue in error.issues}
    missing = [url for url, issue in issues_by_url.items() if issue.code == "file_not_found"]
    earlier_codes = resolve.refusals(user=job.user, scope=job.scope, urls=missing)
    refusals: dict[str, Refusal] = {}
    for url, issue in issues_by_url.items():
        if url in earlier_codes:
            code = earlier_codes[url]
            refusals[url] = Refusal(code=code, message=sentence_for(code))
        elif issue.code == "file_not_found":
            refusals[url] = Refusal(code=NOT_FOUND, message=NOT_FOUND_MESSAGE)
        else:
            refusals[url] = Refusal(code=issue.code, message=issue.message)
    return refusals


def _lock_rows(
    lease: Lease[BulkUploadMediaBatch],
    batch: BulkUploadMediaBatch,
    rows: list[BulkUploadMedia],
    stored_urls: StoredUrls,
    existing_products: set[UUID],
) -> LockedRows:
    """Lock the pending rows of these products; return them and the URLs for each slot."""
    earlier = find_earlier_rows(batch, rows, existing_products)
    pending = _lock_pending(lease, batch, [*rows, *earlier])
    own = [row for row in pending if row.batch_id == batch.pk]
    attached = [row for row in own if row.product_id in existing_products]
    slots: dict[UUID, dict[str, list[str]]] = {}
    for row in attached:
        urls = [stored for url in row.urls if (stored := stored_urls.usable_url(url))]
        if urls or not row.urls:  # a slot whose images are all refused keeps its old ones
            slots.setdefault(row.product_id, {})[row.slot] = urls
    others = [row for row in pending if row.batch_id != batch.pk]
    return LockedRows(
        slots=slots,
        attached=attached,
        deleted=[row for row in own if row.product_id not in existing_products],
        replaced=[row for row in others if row.slot in slots.get(row.product_id, {})],
    )


def find_earlier_rows(
    batch: BulkUploadMediaBatch, rows: list[BulkUploadMedia], product_ids: set[UUID]
) -> list[BulkUploadMedia]:
    """Return the pending rows of other batches that come before these rows in the same slots."""
    own = {(row.product_id, row.slot): row for row in rows}
    pending = _pending().filter(product_id__in=product_ids, job__status=JobStatus.RUNNING)
    return [
        row
        for row in pending.exclude(batch=batch)
        if (later := own.get((row.product_id, row.slot))) and _order_key(row) < _order_key(later)
    ]


def _lock_pending(
    lease: Lease[BulkUploadMediaBatch], batch: BulkUploadMediaBatch, rows: list[BulkUploadMedia]
) -> list[BulkUploadMedia]:
    """Lock rows and return those that are still pending.

    One statement locks all batches, before the lease is checked, so that two transactions that
    update the same counts cannot deadlock. The counts of a job that has ended stay as they are.
    """
    batches = {batch.pk, *(row.batch_id for row in rows)}
    locked = BulkUploadMediaBatch.objects.filter(pk__in=batches).order_by("pk")
    list(locked.select_for_update().values_list("pk", flat=True))
    lease.require_held()
    running = lifecycle.lock_running({batch.job_id, *(row.job_id for row in rows)})
    if batch.job_id not in running:
        raise lifecycle.JobStoppedError
    ids = [row.pk for row in rows if row.job_id in running]
    return list(_pending().filter(pk__in=ids).select_for_update(of=("self",)))


def _save(
    job: BulkUploadJob,
    stored_urls: StoredUrls,
    locked: LockedRows,
    resources_by_url: Mapping[str, MediaResource],
) -> None:
    """Save the outcome of each row and the warnings about its images."""
    crash_point("media-slots-filled")
    row_outcomes: list[Outcome] = [
        (row, MediaStatus.REPLACED, ImageCounts()) for row in [*locked.deleted, *locked.replaced]
    ]
    warnings: list[ImageWarning] = []
    for row in locked.attached:
        warnings.extend(
            warning_of(row, index, refusal)
            for index, url in enumerate(row.urls)
            if (refusal := stored_urls.refusal_of(url))
        )
        resources = [resources_by_url.get(stored_urls.usable_url(url)) for url in row.urls]
        row_outcomes.append(_outcome(row, resources))
    row_errors.save_warnings(job, warnings)
    outcomes.save(row_outcomes)
    crash_point("media-outcomes-saved")


def pending_of(batch: BulkUploadMediaBatch) -> QuerySet[BulkUploadMedia]:
    """Return the rows of a batch whose images are not attached yet."""
    return _pending().filter(batch=batch)


def _pending() -> QuerySet[BulkUploadMedia]:
    rows = BulkUploadMedia.objects.filter(status=MediaStatus.PENDING)
    # `cells` may have 1 MiB and are needed for warnings only.
    return rows.defer("cells").order_by("product_id", "slot")


def _order_key(row: BulkUploadMedia) -> tuple[UUID, int]:
    """Return a sort key by which later rows come last: job ids begin with the time."""
    return row.job_id, row.row


def split(rows: Sequence[BulkUploadMedia], *, into: int) -> Iterator[list[BulkUploadMedia]]:
    """Split rows into parts with about equally many products; a product is not split."""
    products = list(dict.fromkeys(row.product_id for row in rows))
    size = max(1, -(-len(products) // into))
    for start in range(0, len(products), size):
        part = set(products[start : start + size])
        yield [row for row in rows if row.product_id in part]


def warning_of(row: BulkUploadMedia, index: int, refusal: Refusal) -> ImageWarning:
    """Return the warning about one image of a row."""
    return ImageWarning(
        row=row.row,
        line=row.line,
        slot=row.slot,
        index=index,
        column=row.column,
        url=row.urls[index] if row.urls else "",
        code=refusal.code,
        message=refusal.message,
        cells=row.cells,
        found_in_file=True,
    )


def _outcome(row: BulkUploadMedia, resources: list[MediaResource | None]) -> Outcome:
    """Return the outcome of a row; None stands for an image that was refused."""
    row.resources = [str(resource.pk) if resource else None for resource in resources]
    statuses = [resource.status if resource else ResourceStatus.FAILED for resource in resources]
    # A resource that is READY already counts as pending until `finish` saves the final statuses.
    failed = statuses.count(ResourceStatus.FAILED)
    pending = len(statuses) - failed
    if pending:
        return row, MediaStatus.ATTACHED, ImageCounts(pending=pending, failed=failed)
    return row, MediaStatus.FAILED if failed else MediaStatus.READY, ImageCounts(failed=failed)
