"""Choices of the user: another product or slot for a photo, or leaving it out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from bulkupload import selectors
from bulkupload.errors import (
    PhotoAttachedError,
    PhotoNotFoundError,
    ProductOfOtherOwnerError,
    SlotWithoutProductError,
)
from bulkupload.models import PhotoBatch, PhotoFile, PhotoStatus
from bulkupload.rules.photos.matching import MatchedBy
from bulkupload.rules.photos.slot_words import IMAGES
from bulkupload.services.photos import lifecycle
from catalog.models import Product
from sartiq.core.preconditions import Precondition, unconditional

ATTACHED = frozenset({PhotoStatus.INGESTED, PhotoStatus.ATTACHED, PhotoStatus.READY})


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the user chose; None leaves a value as it is."""

    product_id: UUID | None = None
    slot: str | None = None
    position: int | None = None
    skip: bool | None = None


def choose(
    *,
    user: User,
    batch_id: UUID,
    photo_id: UUID,
    choice: Choice,
    now: datetime,
    precondition: Precondition = unconditional,
) -> PhotoFile:
    """Save the choice for a photo that is not attached; a batch that has ended runs again.

    `precondition` is called with the locked photo. Raises what it raises, PhotoBatchNotFoundError,
    PhotoNotFoundError, PhotoAttachedError, and InvalidError for a product of another owner or a
    slot without product.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    product = _product(batch, choice.product_id)
    with transaction.atomic():
        locked = lifecycle.lock(batch)
        photo = locked.files.select_for_update(of=("self",)).filter(pk=photo_id).first()
        if photo is None:
            raise PhotoNotFoundError
        precondition(photo)
        if choice == Choice():
            return photo
        if photo.status in ATTACHED:
            raise PhotoAttachedError
        _apply(photo, choice, product)
        _save(photo)
        lifecycle.reopen(locked, now=now)
    photo.refresh_from_db()
    return photo


def _product(batch: PhotoBatch, product_id: UUID | None) -> Product | None:
    if product_id is None:
        return None
    product: Product | None = (
        Product.objects.in_scope(batch.scope).filter(pk=product_id).only("pk", "sku").first()
    )
    if product is None:
        raise ProductOfOtherOwnerError(loc=("body", "product_id"), value=str(product_id))
    return product


def _apply(photo: PhotoFile, choice: Choice, product: Product | None) -> None:
    if product is not None:
        photo.product_id, photo.sku = product.pk, product.sku or ""
        photo.slot = photo.slot or IMAGES
        photo.candidates = []
    if photo.product_id is None:
        for name, value in (("slot", choice.slot), ("position", choice.position)):
            if value is not None:
                raise SlotWithoutProductError(loc=("body", name), value=value)
    photo.slot = choice.slot or photo.slot
    photo.position = photo.position if choice.position is None else choice.position
    if product is not None or choice.slot or choice.position is not None:
        photo.matched_by = MatchedBy.HAND
    if choice.skip:
        photo.status = PhotoStatus.SKIPPED
    else:
        photo.status = PhotoStatus.UPLOADED if photo.arrived_at else PhotoStatus.WAITING


def _save(photo: PhotoFile) -> None:
    """Save the choice; a worker that has the photo loses its lease."""
    fields = ("product_id", "sku", "slot", "position", "matched_by", "candidates", "status")
    PhotoFile.objects.filter(pk=photo.pk).update(
        **{name: getattr(photo, name) for name in fields},
        failure_code="",
        failure_message="",
        finished_at=None,
        **lifecycle.AGAIN,
        **lifecycle.WITHOUT_LEASE,
    )
