"""The images of a slot: where a photo of a batch goes among them."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from bulkupload.models import PhotoFile, PhotoStatus
from bulkupload.rules.limits import MAX_SLOT_IMAGES
from bulkupload.rules.photos.failures import PhotoFailure, failure
from catalog.models import Product
from catalog.rules.slots import EntityType, list_slots
from media.models import Attachment, MediaResource, ResourceStatus
from media.services import attachments

LIST_SLOTS = list_slots(EntityType.PRODUCT)
READY_TO_REPLACE = (PhotoStatus.INGESTED, PhotoStatus.READY)  # of a slot that is to be replaced
CONFLICT_OR_SKIPPED = (PhotoStatus.CONFLICT, PhotoStatus.SKIPPED)


def conflict_of(photo: PhotoFile, content_hash: str, *, replaces: bool) -> PhotoFailure | None:
    """Return why a photo cannot go into its slot, None if it can; the product is locked."""
    shown = attachments_of(photo).exclude(resource__status=ResourceStatus.FAILED)
    other_images = shown.exclude(resource__content_hash=content_hash)
    if photo.slot in LIST_SLOTS:
        count = _count_of_batch(photo) if replaces else other_images.count()
        return failure("slot_full") if count >= MAX_SLOT_IMAGES else None
    if _count_earlier(photo):
        return failure("slot_taken")
    return failure("slot_occupied") if not replaces and other_images.exists() else None


def _rivals(photo: PhotoFile) -> list[PhotoFile]:
    """Return the other photos of the batch that are, or may come, into the slot of a photo."""
    others = PhotoFile.objects.in_slot_of(photo).exclude(pk=photo.pk)
    rivals = others.exclude(status__in=[*CONFLICT_OR_SKIPPED, PhotoStatus.FAILED])
    return list(rivals.only("position", "path", "status"))


def _count_earlier(photo: PhotoFile) -> int:
    return sum(rival.sort_key < photo.sort_key for rival in _rivals(photo))


def _count_of_batch(photo: PhotoFile) -> int:
    """Return how many photos of the batch have a place in a list before this one gets one."""
    in_place = sum(rival.status in READY_TO_REPLACE for rival in _rivals(photo))
    return max(_count_earlier(photo), in_place)


def complete(photos: "QuerySet[PhotoFile]") -> "QuerySet[Any, Any]":
    """Return batch, product and slot of each slot that can be replaced: its photos are ready.

    `photos` are all photos of some batches.
    """
    ready = MediaResource.objects.ready().filter(pk=OuterRef("resource_id"))
    members = photos.exclude(status__in=CONFLICT_OR_SKIPPED).order_by()
    counted = members.values("batch_id", "product_id", "slot").annotate(
        ingested=Count("pk", filter=Q(status=PhotoStatus.INGESTED)),
        incomplete=Count("pk", filter=~Q(Exists(ready), status__in=READY_TO_REPLACE)),
    )
    return counted.filter(ingested__gt=0, incomplete=0)


def attached_resource_ids(photo: PhotoFile) -> set[UUID]:
    """Return the ids of the resources in the slot of a photo."""
    return set(attachments_of(photo).values_list("resource_id", flat=True))


def lock_resources(resource_ids: Collection[UUID | None]) -> list[MediaResource]:
    """Lock resources in the order in which all code locks them."""
    rows = MediaResource.objects.filter(pk__in=[pk for pk in resource_ids if pk])
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("content_hash", "pk"))


def add(photo: PhotoFile, resource: MediaResource) -> None:
    """Add a resource to the slot of a photo, unless it is there already; the product is locked."""
    existing = list(
        attachments_of(photo).order_by("position").values_list("resource_id", flat=True)
    )
    if resource.pk in existing:
        return
    if photo.slot not in LIST_SLOTS:
        _fill(photo, [resource])
    elif not _take_place_of_failed(photo, resource):
        attachments.insert_into_list(
            entity_type=EntityType.PRODUCT,
            entity_id=_product_id(photo),
            slot=photo.slot,
            resource=resource,
            position=_position(photo, existing),
        )
    _touch_product(photo)


def replace(photos: Sequence[PhotoFile], resources: dict[UUID, MediaResource]) -> None:
    """Replace the images of a slot by the photos of a batch, in order; the product is locked."""
    ordered = sorted(photos, key=lambda photo: photo.sort_key)
    distinct = dict.fromkeys(photo.resource_id for photo in ordered)
    _fill(ordered[0], [resources[pk] for pk in distinct if pk])
    _touch_product(ordered[0])


def attachments_of(photo: PhotoFile) -> "QuerySet[Attachment]":
    """Return the attachments in the slot of a photo."""
    return Attachment.objects.filter(
        entity_type=EntityType.PRODUCT, entity_id=_product_id(photo), slot=photo.slot
    )


def _fill(photo: PhotoFile, resources: Sequence[MediaResource]) -> None:
    attachments.fill_slots(
        entity_type=EntityType.PRODUCT,
        entity_id=_product_id(photo),
        slots={photo.slot: resources},
        list_slots=LIST_SLOTS,
    )


def _take_place_of_failed(photo: PhotoFile, resource: MediaResource) -> bool:
    """Attach a resource where an earlier file of the photo failed; return whether one had."""
    earlier = attachments_of(photo).filter(resource_id=photo.resource_id)
    failed = earlier.filter(resource__status=ResourceStatus.FAILED)
    if photo.resource_id is None or not failed.update(resource=resource, updated_at=Now()):
        return False
    attachments.start_grace({photo.resource_id})
    MediaResource.objects.filter(pk=resource.pk).update(unattached_at=None, updated_at=Now())
    return True


def _position(photo: PhotoFile, resource_ids: Sequence[UUID]) -> int:
    """Return where a photo goes: among those of its batch in their order, else at the end."""
    own = PhotoFile.objects.in_slot_of(photo).exclude(pk=photo.pk)
    attached = own.filter(status__in=[PhotoStatus.ATTACHED, PhotoStatus.READY])
    keys = {
        other.resource_id: other.sort_key
        for other in attached.only("resource_id", "position", "path")
    }
    shown = [(at, keys[pk]) for at, pk in enumerate(resource_ids) if pk in keys]
    before = [at for at, key in shown if key < photo.sort_key]
    if before:
        return max(before) + 1
    return min((at for at, _ in shown), default=len(resource_ids))


def _product_id(photo: PhotoFile) -> UUID:
    if photo.product_id is None:
        raise TypeError(photo)
    return photo.product_id


def _touch_product(photo: PhotoFile) -> None:
    Product.objects.filter(pk=_product_id(photo)).update(updated_at=Now())
