"""Changes to resource metadata, and retries of failed resources."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from accounts.selectors import may_write, require_superuser
from media import enqueue, selectors
from media.actions import MediaAction
from media.errors import MediaResourceNotFoundError
from media.models import Attachment, MediaResource, ObjectDeletion, ResourceStatus
from media.services import attachments, recovery
from sartiq.core import events
from sartiq.core.errors import NotPermittedError
from sartiq.core.models import due_and_unleased
from sartiq.core.preconditions import Precondition, unconditional

MEASUREMENTS = ("color_profile", "duration", "dominant_color", "width", "height")
TEXTS = ("alt_text", "caption")
STAFF_FIELDS = ("alt_text", "caption", "protected")
HEAL_BATCH_SIZE = 1000


def update_metadata(
    *,
    user: User,
    resource_id: UUID,
    values: Mapping[str, Any],
    precondition: Precondition = unconditional,
) -> MediaResource:
    """Save the given texts, and those measurements that are still unknown."""
    with transaction.atomic():
        resource = _locked(user, resource_id)
        if not may_write(user, resource.scope):
            raise NotPermittedError
        precondition(resource)
        changed = {name: values[name] for name in TEXTS if name in values}
        changed |= {
            name: values[name]
            for name in MEASUREMENTS
            if values.get(name) is not None and getattr(resource, name) is None
        }
        if changed:
            MediaResource.objects.filter(pk=resource.pk).update(**changed, updated_at=Now())
            events.record(MediaAction.RESOURCE_UPDATED, resource, fields=sorted(changed))
    return selectors.resource_visible_to(user, resource_id)


def update_as_staff(*, resource_id: UUID, values: Mapping[str, Any]) -> None:
    """Update the fields staff may change, and no field that a worker may be writing."""
    changed = {name: values[name] for name in STAFF_FIELDS if name in values}
    with transaction.atomic():
        rows = MediaResource.objects.filter(pk=resource_id)
        resource = rows.select_for_update(of=("self",), no_key=True).first()
        if resource is None or not changed:
            return
        rows.update(**changed, updated_at=Now())
        _record_as_staff(resource, changed)


def _record_as_staff(resource: MediaResource, changed: Mapping[str, Any]) -> None:
    texts = sorted(name for name in changed if name in TEXTS)
    if texts:
        events.record(MediaAction.RESOURCE_UPDATED, resource, fields=texts)
    protected = changed.get("protected", resource.protected)
    if protected != resource.protected:
        events.record(
            MediaAction.RESOURCE_PROTECTED if protected else MediaAction.RESOURCE_UNPROTECTED,
            resource,
        )


def heal(*, user: User) -> int:
    """Queue failed and waiting resources for another attempt; return how many.

    Superusers only. At most a thousand of each, those with the oldest attempt first. No second task
    is sent for a resource whose task is still queued.
    """
    require_superuser(user)
    waiting: int = MediaResource.objects.due().order_by("created_at")[:HEAL_BATCH_SIZE].count()
    recovery.resend_resources()
    failed = MediaResource.objects.filter(status=ResourceStatus.FAILED).order_by("updated_at")
    return waiting + sum(retry(resource) for resource in failed[:HEAL_BATCH_SIZE])


def retry(resource: MediaResource) -> bool:
    """Queue one FAILED resource again; False when it was replaced or is being deleted."""
    try:
        with transaction.atomic():
            rows = ObjectDeletion.objects.alive().filter(key__in=resource.own_keys)
            # Locked, so that no worker starts one now.
            list(rows.select_for_update().values_list("pk", flat=True))
            if rows.exclude(due_and_unleased() | Q(lease_expires_at__isnull=True)).exists():
                return False
            if not resource.retry():
                return False
            rows.delete()
            events.record(MediaAction.RESOURCE_RETRIED, resource, code=resource.failure_code)
            enqueue.relocate(resource.pk)
    except IntegrityError:  # the same bytes were uploaded again
        _hand_over(resource)
        return False
    return True


def _hand_over(resource: MediaResource) -> None:
    """Attach what shows a lost resource to the usable one with the same bytes."""
    with transaction.atomic():
        same_bytes = MediaResource.with_deleted.in_scope(resource.scope).filter(
            content_hash=resource.content_hash
        )
        rows = list(same_bytes.select_for_update(no_key=True).order_by("content_hash", "pk"))
        usable = next((row for row in rows if row.status != ResourceStatus.FAILED), None)
        shown = Attachment.objects.filter(resource__in=same_bytes.lost().filter(pk=resource.pk))
        if usable is None or not shown.update(resource=usable, updated_at=Now()):
            return
        MediaResource.with_deleted.filter(pk=usable.pk).update(
            unattached_at=None, deleted_at=None, updated_at=Now()
        )
        attachments.start_grace({resource.pk})


def _locked(user: User, resource_id: UUID) -> MediaResource:
    """Return the resource, locked until the transaction ends."""
    rows = selectors.resources_visible_to(user).filter(pk=resource_id)
    resource: MediaResource | None = rows.select_for_update(of=("self",), no_key=True).first()
    if resource is None:
        raise MediaResourceNotFoundError
    return resource
