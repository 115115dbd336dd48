from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from accounts.models import TrashModel, TrashQuerySet, indexes_of_trash, live_manager
from media.rules import keys
from media.rules.decode_costs import ANIMATED, max_light_pixels
from sartiq.core.models import LeasedModel, due_and_unleased, not_enqueued_since

OWNER = Coalesce("organization_id", "user_id")


class ResourceType(models.TextChoices):
    """The kind of file."""

    IMAGE = "IMAGE", "Image"
    VIDEO = "VIDEO", "Video"
    AUDIO = "AUDIO", "Audio"
    DOCUMENT = "DOCUMENT", "Document"
    ARCHIVE = "ARCHIVE", "Archive"


class ResourceStatus(models.TextChoices):
    """PENDING until its canonical bytes are verified, then READY, or FAILED with a code."""

    PENDING = "PENDING", "Pending"
    READY = "READY", "Ready"
    FAILED = "FAILED", "Failed"


class MediaResourceQuerySet(TrashQuerySet["MediaResource"]):
    """Queries for media resources."""

    def usable(self) -> Self:
        """Filter to resources that have not failed."""
        return self.exclude(status=ResourceStatus.FAILED)

    def pending(self) -> Self:
        """Filter to resources that wait for relocation."""
        return self.filter(status=ResourceStatus.PENDING)

    def waiting(self, *, sent_before: datetime) -> Self:
        """Filter to pending resources that no worker holds and that were not enqueued lately."""
        return self.pending().filter(due_and_unleased()).filter(not_enqueued_since(sent_before))

    def due(self) -> Self:
        """Filter to pending resources that can run now and that no worker holds."""
        return self.pending().filter(due_and_unleased())

    def next_owner(self, *, after: UUID | None) -> UUID | None:
        """Return the next owner id after `after` that has rows in this queryset."""
        rows = self.annotate(owner=OWNER).order_by("owner")
        rows = rows if after is None else rows.filter(owner__gt=after)
        return rows.values_list("owner", flat=True).first()

    def of_owner(self, owner: UUID) -> Self:
        """Filter to one organization, or to one user's personal resources."""
        return self.annotate(owner=OWNER).filter(owner=owner)

    def light(self) -> Self:
        """Filter to resources that decode fast (`media.rules.decode_costs`)."""
        light = Q(width__isnull=True)
        for content_type in ("image/jpeg", *sorted(ANIMATED)):
            light |= Q(content_type=content_type, pixels__lte=max_light_pixels(content_type))
        return self.annotate(pixels=F("width") * F("height")).filter(light)

    def orphaned(self, *, before: datetime) -> Self:
        """Filter to unprotected READY or FAILED resources unattached since `before`."""
        return self.filter(
            unattached_at__lt=before, protected=False, attachments__isnull=True
        ).exclude(status=ResourceStatus.PENDING)

    def ready(self) -> Self:
        """Filter to resources whose canonical bytes were verified."""
        return self.filter(status=ResourceStatus.READY)

    def lost(self) -> Self:
        """Filter to FAILED resources that were READY before: their object was lost."""
        return self.filter(status=ResourceStatus.FAILED, ready_at__isnull=False)

    def lacking_thumbnail(self) -> Self:
        """Filter to READY images without a thumbnail."""
        return self.filter(
            status=ResourceStatus.READY, resource_type=ResourceType.IMAGE, has_thumbnail=False
        )


class MediaResource(TrashModel, LeasedModel):
    """One verified file of one owner, identified by the SHA-256 of its bytes.

    `storage_key` is the temporary object while PENDING and the canonical object once READY.
    `etag` identifies the version of the object that was checked. `ready_at` is when it was last
    verified; it stays set when the object is lost afterwards. `filename` is the name, without
    folders, of the upload that it was created from; empty if unknown.
    """

    resource_type = models.CharField(max_length=16, choices=ResourceType.choices)
    storage_key = models.CharField(max_length=255)
    content_hash = models.CharField("SHA-256", max_length=64)
    etag = models.CharField(max_length=128)
    content_type = models.CharField(max_length=100)
    extension = models.CharField(max_length=8)
    filename = models.CharField(
        "file name", max_length=255, blank=True, default="", db_default="", editable=False
    )
    file_size = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    dominant_color = models.CharField(max_length=7, null=True, blank=True)  # noqa: DJ001
    color_profile = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    duration = models.FloatField("duration in seconds", null=True, blank=True)
    alt_text = models.CharField(max_length=1000, null=True, blank=True)  # noqa: DJ001
    caption = models.CharField(max_length=2000, null=True, blank=True)  # noqa: DJ001
    has_thumbnail = models.BooleanField(default=False, db_default=False, editable=False)
    protected = models.BooleanField(default=False)
    status = models.CharField(
        max_length=16, choices=ResourceStatus.choices, default=ResourceStatus.PENDING
    )
    failure_code = models.CharField(max_length=64, blank=True)
    copied_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    unattached_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = live_manager(MediaResourceQuerySet)  # type: ignore[django-manager-missing,unused-ignore]  # plugin
    with_deleted: ClassVar = MediaResourceQuerySet.as_manager()

    class Meta(TrashModel.Meta):
        constraints = [
            # Deleted resources count: the same bytes revive them (docs/design/trash.md).
            models.UniqueConstraint(
                fields=["organization", "content_hash"],
                condition=Q(organization__isnull=False) & ~Q(status="FAILED"),
                name="media_resource_once_per_organization",
            ),
            models.UniqueConstraint(
                fields=["user", "content_hash"],
                condition=Q(organization__isnull=True) & ~Q(status="FAILED"),
                name="media_resource_once_per_user",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ResourceStatus.values), name="media_resource_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status="FAILED", failure_code__gt="")
                | (~Q(status="FAILED") & Q(failure_code="")),
                name="media_resource_failure_has_code",
            ),
        ]
        indexes = [
            *indexes_of_trash("media_resource"),
            models.Index(
                fields=["run_after"],
                condition=Q(status="PENDING"),
                name="media_resource_pending",
            ),
            models.Index(
                fields=["unattached_at"],
                condition=Q(unattached_at__isnull=False),
                name="media_resource_unattached",
            ),
            models.Index(
                OWNER, "created_at", condition=Q(status="PENDING"), name="media_resource_turns"
            ),
            models.Index(fields=["content_hash"], name="media_resource_hash"),
            models.Index(fields=["storage_key"], name="media_resource_storage_key"),
            models.Index(fields=["id"], condition=Q(status="FAILED"), name="media_resource_failed"),
            models.Index(
                fields=["id"],
                condition=Q(status="READY", resource_type="IMAGE", has_thumbnail=False),
                name="media_resource_no_thumbnail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.storage_key.rsplit('/', 1)[-1]} ({self.pk})"

    @property
    def own_keys(self) -> set[str]:
        """The keys under `media/` that may hold its bytes, stored yet or not."""
        own = {keys.canonical_key(self.pk, self.extension)}
        if self.resource_type == ResourceType.IMAGE:
            own.add(keys.thumbnail_key(self.pk))
        return own

    def retry(self) -> bool:
        """Return a FAILED resource to PENDING and reset its attempts; False if it is not FAILED."""
        failed = MediaResource.objects.filter(pk=self.pk, status=ResourceStatus.FAILED)
        return failed.update(**_RESET_TO_PENDING) == 1

    def relocate_from(self, *, key: str, etag: str) -> None:
        """Return a resource that was READY to PENDING, to be relocated from another object."""
        rows = MediaResource.objects.filter(pk=self.pk)
        (rows.ready() | rows.lost()).update(**_RESET_TO_PENDING, storage_key=key, etag=etag)
        self.status, self.failure_code = ResourceStatus.PENDING, ""
        self.storage_key, self.etag = key, etag


_RESET_TO_PENDING: Final[Mapping[str, Any]] = {
    "status": ResourceStatus.PENDING,
    "failure_code": "",
    "attempts": 0,
    "lease_holder": None,
    "lease_expires_at": None,
    "lease_fence": F("lease_fence") + 1,
    "run_after": None,
    "sent_at": Now(),  # the caller enqueues the task
    "unavailable_since": None,
    "updated_at": Now(),
}
