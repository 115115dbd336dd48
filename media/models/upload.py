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
    """Where one presigned upload stands: ISSUED, then CLAIMED and CONSUMED, or EXPIRED."""

    ISSUED = "ISSUED", "Issued"
    CLAIMED = "CLAIMED", "Claimed"
    CONSUMED = "CONSUMED", "Consumed"
    EXPIRED = "EXPIRED", "Expired"


class UploadQuerySet(OwnedQuerySet["Upload"]):
    """The words in which uploads are asked for."""

    def named_to(self, user: User, scope: OwnerScope) -> Self:
        """Keep a user's own, and those named for their organizations or the one they act in."""
        theirs = Membership.objects.filter(user_id=user.pk).values("organization_id")
        mine = Q(user_id=user.pk) | Q(organization_id__in=theirs)
        if scope.organization_id is not None:  # a superuser acts in it without being a member
            mine |= Q(organization_id=scope.organization_id)
        return self.filter(mine)

    def ingestable_by(self, user: User, scope: OwnerScope) -> Self:
        """Keep what this user, acting in this scope, may ingest."""
        return self.named_to(user, scope).exclude(state=UploadState.EXPIRED)

    def refused(self) -> Self:
        """Keep those whose bytes were looked at and refused."""
        return self.filter(state=UploadState.EXPIRED).exclude(refusal="")

    def claimed(self) -> Self:
        """Keep those whose bytes a resource still waits for or has just taken."""
        return self.filter(state=UploadState.CLAIMED)

    def settled(self) -> Self:
        """Keep claimed ones whose resource no longer needs their bytes."""
        return self.claimed().filter(resource__status=ResourceStatus.READY)

    def stale(self, before: datetime) -> Self:
        """Keep those nobody turned into a resource in time."""
        unused = Q(state=UploadState.ISSUED)
        wasted = Q(state=UploadState.CLAIMED) & (
            Q(resource__isnull=True) | Q(resource__status=ResourceStatus.FAILED)
        )
        return self.filter(unused | wasted, created_at__lt=before, expires_at__lt=before)

    def needing_bytes(self, keys: Iterable[str], *, since: datetime) -> Self:
        """Keep those among `keys` whose temporary object must not be swept."""
        waiting = Q(state=UploadState.CLAIMED, resource__status=ResourceStatus.PENDING)
        fresh = Q(state__in=[UploadState.ISSUED, UploadState.CLAIMED], created_at__gte=since)
        return self.filter(waiting | fresh, key__in=list(keys))


class Upload(OwnedModel):
    """One presigned PUT: who asked for it, what they declared, and what became of it.

    `organization` is the one named with the request: its members may ingest it too.
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
