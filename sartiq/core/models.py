import uuid
from datetime import datetime
from typing import TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
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


class ActorKind(models.TextChoices):
    """The kind of actor that caused an event."""

    USER = "USER", "User"
    TOKEN = "TOKEN", "API token"
    STAFF = "STAFF", "Staff, in the admin"
    WORKER = "WORKER", "Worker"
    COMMAND = "COMMAND", "Command"


class Event(models.Model):
    """What happened to which object, when, by whom and from where; written by `core.events`.

    The table is partitioned by month, so its primary key in the database is (id, created_at). None
    of the ids is a foreign key: an event outlives what it names. A trigger rejects changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField("time", default=timezone.now)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=40)
    object_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    organization_id = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=16, choices=ActorKind.choices)
    actor_id = models.UUIDField(null=True)
    source = models.CharField(max_length=200, blank=True)
    source_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField("IP address", null=True)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]  # by time
        indexes = [
            models.Index(
                fields=["object_id", "created_at"],
                condition=Q(object_id__isnull=False),
                name="event_of_object",
            ),
            models.Index(
                fields=["organization_id", "created_at"],
                condition=Q(organization_id__isnull=False),
                name="event_of_org",
            ),
            models.Index(
                fields=["user_id", "created_at"],
                condition=Q(user_id__isnull=False, organization_id__isnull=True),
                name="event_of_user",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id or ''}".strip()
