"""The transaction that attaches the images of some products of a batch.

It also replaces earlier rows that are still pending for the same slots. Locks are always taken in
this order: the products by SKU, the batches by id, the jobs by id, the rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
)
from bulkupload.rules.rows.image_cells import ImageWarning
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.images import outcomes
from bulkupload.services.images.outcomes import ImageCounts, Outcome
from bulkupload.services.images.stored_urls import Refusal, StoredUrls
from catalog.services import attach_images
from media.models import MediaResource, ResourceStatus
from media.services.ingest.claim import claim_all
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from sartiq.core.contention import retry_on_contention
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease


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
