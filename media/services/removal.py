"""Removal of single resources by staff."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from media.actions import MediaAction
from media.errors import ResourceInUseError
from media.models import DeletionReason, MediaResource, ResourceStatus, UploadState
from media.services import deletions
from sartiq.core import events


def discard(*, resource_id: UUID) -> None:
    """Delete a resource that is unattached, unprotected and not PENDING, and queue its objects.

    Raises ResourceInUseError with the reason. Does nothing if the resource no longer exists.
    """
    with transaction.atomic():
        rows = MediaResource.objects.select_for_update(of=("self",))
        resource = rows.filter(pk=resource_id).first()
        if resource is None:
            return
        reason = blocking_reason(resource)
        if reason is not None:
            raise ResourceInUseError(f"{resource}: {reason}")
        resource.uploads.claimed().update(state=UploadState.EXPIRED, updated_at=Now())
        object_keys = {resource.storage_key} | resource.own_keys
        events.record(MediaAction.RESOURCE_DISCARDED, resource, reason="staff")
        resource.delete()
        deletions.queue(object_keys, reason=DeletionReason.REPLACED)


def blocking_reason(resource: MediaResource) -> str | None:
    """Return why a resource cannot be deleted now, None when it can."""
    if resource.protected:
        return "it is protected. Remove the protection first."
    count = resource.attachments.count()
    if count:
        entities = "1 entity" if count == 1 else f"{count} entities"
        return f"it is attached to {entities}. Remove it there first."
    is_copied = MediaResource.objects.pending().filter(copied_from=resource).exists()
    if is_copied or resource.status == ResourceStatus.PENDING:
        return "it is being processed. Try again in a moment."
    return None
