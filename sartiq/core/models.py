import uuid
from datetime import datetime
from typing import TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid6 import uuid7


def new_id() -> uuid.UUID:
    """Return a time-ordered UUID (version 7, 74 random bits) so that indexes grow at one end."""
    return uuid.UUID(int=uuid7().int)


class TimestampedModel(models.Model):
    """A row with a time-ordered id and the times (UTC) of its creation and last change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ["created_at", "id"]


class LeasedModel(models.Model):
    """A row with work to do, by one worker at a time (see `sartiq.core.work.leases`).

    The worker `lease_holder` has the row until `lease_expires_at`. `lease_fence` is the fencing
    number: it increases with each lease. `sent_at` is when its task was last enqueued.
    """

    lease_holder = models.UUIDField(null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    lease_fence = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    run_after = models.DateTimeField(default=None, null=True, blank=True)
    # Since when a dependency of its work has been down.
    unavailable_since = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


Leased = TypeVar("Leased", bound=LeasedModel)


def due_and_unleased() -> Q:
    """Match due rows without a valid lease, by the database's clock."""
    unleased = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lt=Now())
    due = Q(run_after__isnull=True) | Q(run_after__lte=Now())
    return unleased & due


def not_enqueued_since(moment: datetime) -> Q:
    """Match rows last enqueued before `moment`, or created before it and never enqueued."""
    never = Q(sent_at__isnull=True, created_at__lt=moment)
    return never | Q(sent_at__lt=moment)


class IdempotencyKey(TimestampedModel):
    """An `Idempotency-Key` with the response of its first request, which repeated requests get.

    `status_code` is null while the first request is still running.
    """

    user_id = models.UUIDField()
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    locked_until = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    location = models.CharField(max_length=500, blank=True)
    answer = models.JSONField(null=True)

    class Meta(TimestampedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "route", "key"], name="idempotency_key_unique_per_user_and_route"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_created")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
