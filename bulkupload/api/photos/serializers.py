from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers

from bulkupload.models import OnExisting, PhotoBatch, PhotoBatchStatus, PhotoFile, PhotoStatus
from bulkupload.models.photos import MAX_PATH_LENGTH
from bulkupload.rules.limits import MAX_REQUEST_PHOTOS
from bulkupload.rules.photos import failures
from bulkupload.rules.photos.matching import MatchedBy
from bulkupload.rules.photos.slot_words import BACK, COVER, IMAGES
from bulkupload.selectors import BatchProgress
from bulkupload.services.photos.batches import DeclaredPhoto
from exports.rules.templates import MAX_TEMPLATE_LENGTH
from media.api.upload_serializers import ContentTypeField, PresignOut, SizeField
from media.services.uploads import UploadTicket
from sartiq.core.api.fields import BooleanField, IntegerField, Sha256Field, UUIDField
from sartiq.core.api.pagination import PageQuery
from sartiq.core.api.serializers import StrictSerializer
from sartiq.core.api.validation import serialize

BATCH_STATUSES = [value.lower() for value in PhotoBatchStatus.values]
PHOTO_STATUSES = [value.lower() for value in PhotoStatus.values]
MODES = [value.lower() for value in OnExisting.values]
MATCH_STATUSES = ["matched", "ambiguous", "unmatched", "already_there"]
MATCHED_BY = [value.value for value in MatchedBy]
SLOTS = [COVER, BACK, IMAGES]
POSITION = "The order among the photos of the batch in a list of images"
MAX_POSITION = 999_999_999
TOO_MANY = "Send at most {max_length} photos in one request, and the others with `/files`."


class DeclaredPhotoIn(StrictSerializer[Any]):
    """A photo to upload; its name may have folders in front, which tell equal names apart."""

    filename = serializers.CharField(max_length=MAX_PATH_LENGTH, trim_whitespace=False)
    content_type = ContentTypeField(max_length=255, trim_whitespace=False)
    file_size = SizeField()
    sha256 = Sha256Field(required=False, allow_null=True)


class PhotosIn(StrictSerializer[Any]):
    """Photos to add to a batch."""

    files = serializers.ListField(
        child=DeclaredPhotoIn(),
        min_length=1,
        max_length=MAX_REQUEST_PHOTOS,
        error_messages={"max_length": TOO_MANY},
    )


class PhotoBatchIn(PhotosIn):
    """Photos to match with products, and how to attach them."""

    organization_id = UUIDField(required=False, allow_null=True)
    name = serializers.CharField(max_length=255, required=False, allow_blank=True)
    template = serializers.CharField(
        max_length=MAX_TEMPLATE_LENGTH,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="A naming template that the names were made with; by default those of the"
        " owner's export configurations",
    )
    on_existing = serializers.ChoiceField(
        choices=MODES,
        default="append",
        help_text="`append` adds to a slot, `replace` replaces its pictures once all are ready",
    )


class PhotoIdsIn(StrictSerializer[Any]):
    """Photos of a batch."""

    file_ids = serializers.ListField(child=UUIDField(), min_length=1, max_length=MAX_REQUEST_PHOTOS)


class PhotoChoiceIn(StrictSerializer[Any]):
    """The product, the slot and the position of a photo, or whether it is left out."""

    product_id = UUIDField(required=False)
    slot = serializers.ChoiceField(choices=SLOTS, required=False)
    position = IntegerField(min_value=0, max_value=MAX_POSITION, required=False, help_text=POSITION)
    skip = BooleanField(required=False)


class PhotosQuery(PageQuery):
    """A page of the photos, optionally those with one status."""

    status = serializers.ChoiceField(choices=PHOTO_STATUSES, required=False)


class CandidateOut(serializers.Serializer[Any]):
    """A product that a name may mean."""

    product_id = serializers.UUIDField()
    sku = serializers.CharField()


class MatchOut(serializers.Serializer[Any]):
    """The product and slot of a photo, or the candidates among which nothing decides."""

    status = serializers.ChoiceField(choices=MATCH_STATUSES)
    product_id = serializers.UUIDField(allow_null=True)
    sku = serializers.CharField(allow_null=True)
    slot = serializers.ChoiceField(choices=SLOTS, allow_null=True)
    position = serializers.IntegerField(allow_null=True, help_text=POSITION)
    by = serializers.ChoiceField(choices=MATCHED_BY, allow_null=True)
    candidates = CandidateOut(many=True)


class PhotoFailureOut(serializers.Serializer[Any]):
    """Why a photo is not attached, and what to do."""

    code = serializers.ChoiceField(choices=failures.CODES)
    message = serializers.CharField()


class PhotoOut(serializers.Serializer[Any]):
    """One photo of a batch."""

    id = serializers.UUIDField()
    filename = serializers.CharField()
    status = serializers.ChoiceField(choices=PHOTO_STATUSES)
    match = MatchOut()
    resource_id = serializers.UUIDField(allow_null=True)
    failure = PhotoFailureOut(allow_null=True)


class PhotoWithTicketOut(PhotoOut):
    """One photo of a batch, with the signed request for its upload if its bytes are needed."""

    upload = PresignOut(allow_null=True)


class PhotosWithTicketsOut(serializers.Serializer[Any]):
    """Photos of a batch, in the order of the request."""

    files = PhotoWithTicketOut(many=True)


class PhotoCountsOut(serializers.Serializer[Any]):
    """The number of photos in each state; `undecided` ones wait for the choice of a product."""

    total = serializers.IntegerField()
    undecided = serializers.IntegerField()
    waiting = serializers.IntegerField()
    uploaded = serializers.IntegerField()
    ingested = serializers.IntegerField()
    attached = serializers.IntegerField()
    ready = serializers.IntegerField()
    conflict = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()


class PhotoBatchOut(serializers.Serializer[Any]):
    """A photo batch and its progress."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    organization_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=BATCH_STATUSES)
    template = serializers.CharField(allow_null=True)
    on_existing = serializers.ChoiceField(choices=MODES)
    counts = PhotoCountsOut()
    photos_per_second = serializers.FloatField(allow_null=True)
    seconds_left = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CreatedPhotoBatchOut(PhotoBatchOut):
    """A new photo batch, with what each of its photos means and where to upload it."""

    files = PhotoWithTicketOut(many=True)


BATCH_FIELDS = (
    "id",
    "user_id",
    "organization_id",
    "name",
    "started_at",
    "finished_at",
    "created_at",
    "updated_at",
)


def declared_photos(payload: dict[str, Any]) -> list[DeclaredPhoto]:
    """Return the photos of a valid request."""
    return [
        DeclaredPhoto(
            path=item["filename"],
            content_type=item["content_type"],
            size=item["file_size"],
            sha256=item.get("sha256") or "",
        )
        for item in payload["files"]
    ]


def serialize_batch(batch: PhotoBatch, progress: BatchProgress) -> dict[str, Any]:
    """Return a batch with its progress as JSON."""
    counts = {status.lower(): progress.counts.get(status, 0) for status in PhotoStatus.values}
    fields = {
        **{name: getattr(batch, name) for name in BATCH_FIELDS},
        "status": batch.status.lower(),
        "template": batch.template or None,
        "on_existing": batch.on_existing.lower(),
        "counts": {"total": sum(counts.values()), "undecided": progress.undecided, **counts},
        "photos_per_second": progress.photos_per_second,
        "seconds_left": progress.seconds_left,
    }
    return dict(PhotoBatchOut(fields).data)


def serialize_photo(photo: PhotoFile) -> dict[str, Any]:
    """Return a photo as JSON, without the fields of DRF: a request may have 500 photos."""
    reason = {"code": photo.failure_code, "message": photo.failure_message}
    return {
        "id": str(photo.pk),
        "filename": photo.path,
        "status": photo.status.lower(),
        "match": {
            "status": _match_status(photo),
            "product_id": _text(photo.product_id),
            "sku": photo.sku if photo.product_id else None,
            "slot": photo.slot or None,
            "position": photo.position,
            "by": photo.matched_by or None,
            "candidates": photo.candidates,
        },
        "resource_id": _text(photo.resource_id),
        "failure": reason if photo.failure_code else None,
    }


def serialize_with_tickets(
    pairs: Iterable[tuple[PhotoFile, UploadTicket | None]],
) -> list[dict[str, Any]]:
    """Return photos with their tickets as JSON."""
    return [
        {**serialize_photo(photo), "upload": serialize(PresignOut, ticket) if ticket else None}
        for photo, ticket in pairs
    ]


def _match_status(photo: PhotoFile) -> str:
    if photo.product_id is None:
        return "ambiguous" if photo.candidates else "unmatched"
    # A stored file that turned out to be missing has no arrival: it must be uploaded.
    is_stored = photo.upload_id is None and photo.arrived_at is not None
    return "already_there" if is_stored else "matched"


def _text(pk: UUID | None) -> str | None:
    return None if pk is None else str(pk)
