from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import (
    Membership,
    OwnedModel,
    OwnedQuerySet,
    OwnerScope,
    User,
    indexes_by_owner,
)
from media.models.resource import MediaResource, ResourceStatus


class UploadState(models.TextChoices):
    """The state of a presigned upload.

    ISSUED: signed. CLAIMED: a PENDING resource needs its object. CONSUMED: the resource has its own
    object. EXPIRED: never used, or its file was rejected.
    """

    ISSUED = "ISSUED", "Issued"
    CLAIMED = "CLAIMED", "Claimed"
    CONSUMED = "CONSUMED", "Consumed"
    EXPIRED = "EXPIRED", "Expired"


class UploadQuerySet(OwnedQuerySet["Upload"]):
    """Queries for uploads."""

    def accessible_to(self, user: User, scope: OwnerScope) -> Self:
        """Filter to the user's own uploads and those of their organizations or of the scope."""
        organization_ids = Membership.objects.filter(user_id=user.pk).values("organization_id")
        visible = Q(user_id=user.pk) | Q(organization_id__in=organization_ids)
        if scope.organization_id is not None:  # a superuser acts in it without being a member
            visible |= Q(organization_id=scope.organization_id)
        return self.filter(visible)

    def ingestable_by(self, user: User, scope: OwnerScope) -> Self:
        """Filter to uploads this user may ingest in this scope."""
        return self.accessible_to(user, scope).exclude(state=UploadState.EXPIRED)

    def refused(self) -> Self:
        """Filter to uploads whose bytes were checked and rejected."""
        return self.filter(state=UploadState.EXPIRED).exclude(refusal="")

    def final(self) -> Self:
        """Filter to uploads in a state that does not change any more."""
        return self.filter(state__in=[UploadState.CONSUMED, UploadState.EXPIRED])

    def claimed(self) -> Self:
        """Filter to uploads claimed by a resource."""
        return self.filter(state=UploadState.CLAIMED)

    def claimed_and_ready(self) -> Self:
        """Filter to claimed uploads whose resource is READY, so their objects are not needed."""
        return self.claimed().filter(resource__status=ResourceStatus.READY)

    def stale(self, before: datetime) -> Self:
        """Filter to expired uploads that did not become a usable resource."""
        unused = Q(state=UploadState.ISSUED)
        failed = Q(state=UploadState.CLAIMED) & (
            Q(resource__isnull=True) | Q(resource__status=ResourceStatus.FAILED)
        )
        return self.filter(unused | failed, created_at__lt=before, expires_at__lt=before)

    def needing_bytes(self, keys: Iterable[str], *, since: datetime | None = None) -> Self:
        """Filter to uploads among `keys` whose temporary object is still needed.

        Those that were issued since `since` may yet be claimed.
        """
        needed = Q(state=UploadState.CLAIMED, resource__status=ResourceStatus.PENDING)
        if since is not None:
            unfinished = [UploadState.ISSUED, UploadState.CLAIMED]
            needed |= Q(state__in=unfinished, created_at__gte=since)
        return self.filter(needed, key__among=list(keys))


class Upload(OwnedModel):
    """One presigned PUT: its user, the declared file, and the resource it became.

    Members of `organization`, if the request names one, may ingest it too.
    """

    key = models.CharField(max_length=255, unique=True)
    filename = models.CharField(max_length=255)
    folder = models.CharField(max_length=255, blank=True)
    content_type = models.CharField(max_length=100)
    declared_size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=UploadState.choices, default=UploadState.ISSUED)
    refusal = models.CharField(max_length=64, blank=True)
    etag = models.CharField(max_length=128, blank=True)
    resource = models.ForeignKey(
        MediaResource, on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads"
    )

    objects: ClassVar = UploadQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=UploadState.values), name="media_upload_state_known"
            ),
        ]
        indexes = [
            *indexes_by_owner("media_upload"),
            models.Index(fields=["state", "created_at"], name="media_upload_state_created"),
        ]

    def __str__(self) -> str:
        return self.filename
