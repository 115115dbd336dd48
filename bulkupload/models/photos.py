from datetime import datetime
from typing import ClassVar, Final, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import Organization, OwnedModel, OwnedQuerySet, indexes_by_owner
from bulkupload.rules.photos.slot_words import BACK, COVER, IMAGES
from exports.rules.templates import MAX_TEMPLATE_LENGTH
from media.models import MediaResource
from sartiq.core.models import LeasedModel, TimestampedModel, due_and_unleased

SLOTS: Final = [(COVER, "Cover image"), (BACK, "Back image"), (IMAGES, "Images")]
MAX_PATH_LENGTH: Final = 500  # characters; an index entry has at most 2,700 bytes


class PhotoBatchStatus(models.TextChoices):
    """OPEN until its photos may be attached, RUNNING while they are, then DONE or CANCELLED."""

    OPEN = "OPEN", "Open"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    CANCELLED = "CANCELLED", "Cancelled"


UNFINISHED_BATCH: Final = (PhotoBatchStatus.OPEN, PhotoBatchStatus.RUNNING)


class OnExisting(models.TextChoices):
    """What happens to the pictures that a slot has already."""

    APPEND = "APPEND", "Append"
    REPLACE = "REPLACE", "Replace"


class PhotoStatus(models.TextChoices):
    """The states of a photo; docs/design/photo-batches.md says which follows which."""

    WAITING = "WAITING", "Waiting for its upload"
    UPLOADED = "UPLOADED", "Uploaded"
    # Only with `replace`: it has a resource, but its slot changes when all its photos are ready.
    INGESTED = "INGESTED", "Waiting for the others of its slot"
    ATTACHED = "ATTACHED", "Attached"
    READY = "READY", "Ready"
    CONFLICT = "CONFLICT", "Conflict"
    FAILED = "FAILED", "Failed"
    SKIPPED = "SKIPPED", "Skipped"


WITH_REASON: Final = (PhotoStatus.CONFLICT, PhotoStatus.FAILED)
AWAITING_OUTCOME: Final = (PhotoStatus.ATTACHED, PhotoStatus.INGESTED)
TO_ATTACH: Final = Q(
    status=PhotoStatus.UPLOADED,
    product_id__isnull=False,
    batch__status=PhotoBatchStatus.RUNNING,
)


class PhotoBatchQuerySet(OwnedQuerySet["PhotoBatch"]):
    """Queries for photo batches."""

    def unfinished(self) -> Self:
        """Filter those that have not ended."""
        return self.filter(status__in=UNFINISHED_BATCH)

    def running(self) -> Self:
        """Filter those whose photos are being attached."""
        return self.filter(status=PhotoBatchStatus.RUNNING)

    def idle(self, *, before: datetime) -> Self:
        """Filter unfinished ones for which nothing has arrived since a moment."""
        return self.unfinished().filter(last_arrival_at__lt=before)

    def expired(self, *, before: datetime) -> Self:
        """Filter those that ended before a moment."""
        return self.filter(finished_at__lt=before)


class PhotoBatch(OwnedModel):
    """Photos that are matched with products by their names and attached in the background.

    `last_arrival_at` is when something last arrived: the batch, a photo, or a choice of the user.
    """

    name = models.CharField(max_length=255, blank=True)
    template = models.CharField(max_length=MAX_TEMPLATE_LENGTH, blank=True)
    on_existing = models.CharField(
        max_length=8, choices=OnExisting.choices, default=OnExisting.APPEND
    )
    status = models.CharField(
        max_length=16, choices=PhotoBatchStatus.choices, default=PhotoBatchStatus.OPEN
    )
    last_arrival_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = PhotoBatchQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        verbose_name = "photo batch"
        verbose_name_plural = "photo batches"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=PhotoBatchStatus.values), name="photo_batch_status_known"
            ),
            models.CheckConstraint(
                condition=Q(on_existing__in=OnExisting.values), name="photo_batch_mode_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED_BATCH, finished_at__isnull=True)
                | (~Q(status__in=UNFINISHED_BATCH) & Q(finished_at__isnull=False)),
                name="photo_batch_ends_once",
            ),
        ]
        indexes = [
            *indexes_by_owner("photo_batch"),
            models.Index(
                fields=["last_arrival_at"],
                condition=Q(status__in=UNFINISHED_BATCH),
                name="photo_batch_unfinished",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="photo_batch_finished",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Photos of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.status not in UNFINISHED_BATCH

    @property
    def replaces(self) -> bool:
        """Whether its photos replace those of their slots."""
        return self.on_existing == OnExisting.REPLACE


class PhotoFileQuerySet(models.QuerySet["PhotoFile"]):
    """Queries for photos of batches."""

    def with_product(self) -> Self:
        """Filter those whose product is decided."""
        return self.filter(product_id__isnull=False)

    def to_attach(self) -> Self:
        """Filter those that a worker attaches next."""
        return self.filter(TO_ATTACH)

    def not_enqueued(self) -> Self:
        """Filter those to attach that were never enqueued."""
        return self.to_attach().filter(sent_at__isnull=True)

    def waiting(self, *, sent_before: datetime) -> Self:
        """Filter those to attach that no worker holds and that were enqueued before a moment."""
        return self.to_attach().filter(due_and_unleased(), sent_at__lt=sent_before)

    def awaiting_outcome(self) -> Self:
        """Filter those with a resource that has not been found READY yet."""
        return self.filter(status__in=AWAITING_OUTCOME)

    def with_unsaved_outcome(self) -> Self:
        """Filter those awaiting an outcome whose resource is READY, FAILED or deleted by now."""
        resource = MediaResource.objects.filter(pk=OuterRef("resource_id"))
        attached = Q(~Exists(resource.pending()), status=PhotoStatus.ATTACHED)
        ingested = Q(~Exists(resource.usable()), status=PhotoStatus.INGESTED)  # READY ones wait
        return self.awaiting_outcome().filter(attached | ingested)

    def being_attached(self) -> Self:
        """Filter those to attach, and those whose files are being verified."""
        pending = MediaResource.objects.pending().filter(pk=OuterRef("resource_id"))
        ingested = Q(Exists(pending), status=PhotoStatus.INGESTED)
        rows = self.filter(status__in=[PhotoStatus.UPLOADED, *AWAITING_OUTCOME])  # for the index
        return rows.filter(TO_ATTACH | Q(status=PhotoStatus.ATTACHED) | ingested)

    def expected(self) -> Self:
        """Filter those with a product whose upload has not arrived."""
        return self.filter(status=PhotoStatus.WAITING).with_product()

    def in_slot_of(self, photo: "PhotoFile") -> Self:
        """Filter the photos of the same batch for the same slot of the same product."""
        return self.filter(batch_id=photo.batch_id, product_id=photo.product_id, slot=photo.slot)

    def unreported(self) -> Self:
        """Filter those with an upload URL of which nobody has reported the upload."""
        return self.filter(status=PhotoStatus.WAITING, upload_id__isnull=False)


class PhotoFile(TimestampedModel, LeasedModel):
    """One photo of a batch.

    The product, the upload and the resource have no foreign keys: each may be deleted. A photo
    without product has `candidates` if several fit its name. `file_size` and `sha256` are unknown
    once the declared bytes have been refused: corrected ones differ. `arrived_at` is set while its
    bytes are in the store. `position` orders the photos of a list slot.
    """

    batch = models.ForeignKey(PhotoBatch, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=MAX_PATH_LENGTH)
    content_type = models.CharField(max_length=100)
    file_size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    status = models.CharField(
        max_length=8, choices=PhotoStatus.choices, default=PhotoStatus.WAITING
    )
    product_id = models.UUIDField(null=True, blank=True)
    sku = models.CharField("SKU", max_length=100, blank=True)
    slot = models.CharField(max_length=32, choices=SLOTS, blank=True)
    position = models.PositiveIntegerField(null=True, blank=True)
    matched_by = models.CharField(max_length=8, blank=True)
    candidates = models.JSONField(default=list, blank=True)
    upload_id = models.UUIDField(null=True, blank=True)
    resource_id = models.UUIDField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)

    objects: ClassVar = PhotoFileQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        verbose_name = "photo of a batch"
        verbose_name_plural = "photos of batches"
        constraints = [
            models.UniqueConstraint(fields=["batch", "path"], name="photo_file_once_per_batch"),
            models.CheckConstraint(
                condition=Q(status__in=PhotoStatus.values), name="photo_file_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=WITH_REASON, failure_code__gt="")
                | (~Q(status__in=WITH_REASON) & Q(failure_code="")),
                name="photo_file_failure_has_code",
            ),
            models.CheckConstraint(
                condition=Q(product_id__isnull=True) | Q(slot__gt=""),
                name="photo_file_product_has_slot",
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "status"], name="photo_file_by_status"),
            models.Index(fields=["batch", "product_id", "slot"], name="photo_file_by_slot"),
            models.Index(
                fields=["sent_at"], condition=Q(status="UPLOADED"), name="photo_file_uploaded"
            ),
            models.Index(
                fields=["batch"],
                condition=Q(status__in=["ATTACHED", "INGESTED"]),
                name="photo_file_unverified",
            ),
            models.Index(
                fields=["checked_at"],
                condition=Q(status="WAITING", upload_id__isnull=False),
                name="photo_file_unreported",
            ),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def sort_key(self) -> tuple[int, str]:
        """The order of photos in one slot: by position, those without one first, then by path."""
        return self.position or 0, self.path


class SlotWord(TimestampedModel):
    """A word in the file names of an organization, and the slot it means."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    word = models.CharField(
        max_length=50, help_text="In lower case, without spaces: for example detail, or 2"
    )
    slot = models.CharField(max_length=32, choices=SLOTS)

    class Meta(TimestampedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "word"], name="photo_slot_word_once_per_organization"
            ),
            models.CheckConstraint(
                condition=Q(slot__in=[COVER, BACK, IMAGES]), name="photo_slot_word_slot_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.word}: {self.slot}"
