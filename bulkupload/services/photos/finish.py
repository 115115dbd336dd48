"""Saving which attached photos are ready, replacing slots that are complete, ending batches."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from bulkupload import enqueue
from bulkupload.models import PhotoBatch, PhotoFile, PhotoStatus
from bulkupload.rules.photos.failures import failure
from bulkupload.services.photos import lifecycle, slots
from catalog.services import attach_images
from media.models import MediaResource, ResourceStatus
from sartiq.core.work.crash_points import crash_point

PAGE_SIZE = 500  # photos in one transaction
GONE = ""  # the status of a resource that was deleted


def finish(batch_id: UUID) -> None:
    """Save what became of a batch's photos and end it, or check again in about a second."""
    update_outcomes(batch_id)
    if lifecycle.end_if_done(batch_id):
        return
    photos = PhotoFile.objects.filter(batch_id=batch_id)
    if photos.awaiting_outcome().exists() and not photos.to_attach().exists():
        enqueue.finish_photos(batch_id)


def update_outcomes(batch_id: UUID) -> None:
    """Save which photos are ready or failed, and replace the slots whose photos are all ready."""
    photos = PhotoFile.objects.filter(batch_id=batch_id)
    after: UUID | None = None
    while True:
        page = photos.with_unsaved_outcome().order_by("pk")
        rows = list((page.filter(pk__gt=after) if after else page)[:PAGE_SIZE])
        if not rows:
            break
        after = rows[-1].pk
        _save_outcomes(batch_id, rows)
    ingested = photos.filter(status=PhotoStatus.INGESTED)
    for photo in list(ingested.order_by("product_id", "slot").distinct("product_id", "slot")):
        _replace_slot_of(photo)


def batches_to_update() -> QuerySet[PhotoBatch]:
    """Return the batches with an outcome to save, or a slot whose photos are all ready."""
    ingested = PhotoFile.objects.filter(status=PhotoStatus.INGESTED).order_by()
    complete = slots.complete(PhotoFile.objects.filter(batch__in=ingested.values("batch_id")))
    unsaved = PhotoFile.objects.with_unsaved_outcome().order_by()
    ids = unsaved.values("batch_id").union(complete.values("batch_id"))
    return PhotoBatch.objects.filter(pk__in=ids)


def _save_outcomes(batch_id: UUID, rows: list[PhotoFile]) -> None:
    states = _states_of(rows)
    by_outcome: dict[tuple[PhotoStatus, str], list[UUID]] = {}
    for row in rows:
        status, code = states.get(row.resource_id, (GONE, ""))
        if status == ResourceStatus.FAILED:
            by_outcome.setdefault((PhotoStatus.FAILED, code), []).append(row.pk)
        elif row.status == PhotoStatus.INGESTED and status == GONE:
            by_outcome.setdefault((PhotoStatus.FAILED, "file_not_found"), []).append(row.pk)
        elif row.status == PhotoStatus.ATTACHED and status != ResourceStatus.PENDING:
            # A deleted resource was ready before: it has been replaced since.
            by_outcome.setdefault((PhotoStatus.READY, ""), []).append(row.pk)
    if not by_outcome:
        return
    with transaction.atomic():
        lifecycle.lock(PhotoBatch(pk=batch_id))
        for (outcome, code), ids in by_outcome.items():
            photos = PhotoFile.objects.awaiting_outcome().filter(pk__in=ids)
            if outcome == PhotoStatus.FAILED:
                lifecycle.fail(photos, failure(code))
            else:
                photos.update(status=outcome, finished_at=Now(), updated_at=Now())
        crash_point("photo-outcomes-saved")


def _states_of(rows: Iterable[PhotoFile]) -> dict[UUID | None, tuple[str, str]]:
    ids = [row.resource_id for row in rows if row.resource_id]
    resources = MediaResource.objects.filter(pk__in=ids)
    fields = resources.values_list("pk", "status", "failure_code")
    return {pk: (status, code) for pk, status, code in fields}


def _replace_slot_of(photo: PhotoFile) -> None:
    """Replace the slot of a photo if all photos of the batch for it have READY resources."""
    batch = PhotoBatch.objects.get(pk=photo.batch_id)
    members = PhotoFile.objects.in_slot_of(photo).exclude(status__in=slots.CONFLICT_OR_SKIPPED)
    if members.exclude(status__in=slots.READY_TO_REPLACE).exists():
        return
    with transaction.atomic():
        product_ids = {photo.product_id} if photo.product_id else set()
        has_product = attach_images.lock_products(batch.scope, product_ids)
        if lifecycle.lock(batch).status != batch.status:
            return
        photos = list(members.select_for_update(of=("self",)).order_by("pk"))
        ingested = members.filter(status=PhotoStatus.INGESTED)
        if not has_product:
            lifecycle.fail(ingested, failure("product_deleted"))
            return
        ids = {row.resource_id for row in photos}
        locked = slots.lock_resources(ids | slots.attached_resource_ids(photo))
        resources = {
            row.pk: row for row in locked if row.pk in ids and row.status == ResourceStatus.READY
        }
        is_complete = all(row.status in slots.READY_TO_REPLACE for row in photos)
        if is_complete and resources.keys() == ids:
            slots.replace(photos, resources)
            crash_point("photo-slot-replaced")
            ingested.update(status=PhotoStatus.READY, finished_at=Now(), updated_at=Now())
