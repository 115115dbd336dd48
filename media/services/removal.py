"""Removal of single resources by staff."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from media.actions import MediaAction
from media.errors import ResourceInUseError
from media.models import MediaResource, ResourceStatus
from media.services import trash
from sartiq.core import events


def discard(*, resource_id: UUID) -> None:
    """Move a resource that is unattached, unprotected and not PENDING to the trash.

    Raises ResourceInUseError with the reason. Does nothing if the resource is already deleted.
    """
    with transaction.atomic():
        rows = MediaResource.objects.select_for_update(of=("self",))
        resource = rows.filter(pk=resource_id).first()
        if resource is None:
            return
        reason = blocking_reason(resource)
        if reason is not None:
            raise ResourceInUseError(f"{resource}: {reason}")
        trash.set_deleted([resource], deleted_at=Now())
        events.record(MediaAction.RESOURCE_DELETED, resource)


def blocking_reason(resource: MediaResource) -> str | None:
    """Return why a resource cannot be deleted now, None when it can."""
    if resource.protected:
        return "it is protected. Remove the protection first."
    count = resource.attachments.of_live_entities().count()
    if count:
        entities = "1 entity" if count == 1 else f"{count} entities"
        return f"it is attached to {entities}. Remove it there first."
    if resource.attachments.exists():
        return "a deleted entity that can still be restored has it. It goes when that is purged."
    is_copied = MediaResource.objects.pending().filter(copied_from=resource).exists()
    if is_copied or resource.status == ResourceStatus.PENDING:
        return "it is being processed. Try again in a moment."
    return None
