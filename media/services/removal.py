"""Discarding one resource because staff asked for it."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from media.errors import ResourceKeptError
from media.models import DeletionReason, MediaResource, ResourceStatus, UploadState
from media.services import deletions


def discard(*, resource_id: UUID) -> None:
    """Remove a settled resource that nothing shows and nobody protects; its objects follow.

    Raises ResourceKeptError saying why it has to stay. One already gone is no failure.
    """
    with transaction.atomic():
        rows = MediaResource.objects.select_for_update(of=("self",))
        resource = rows.filter(pk=resource_id).first()
        if resource is None:
            return
        reason = reason_to_keep(resource)
        if reason is not None:
            raise ResourceKeptError(f"{resource}: {reason}")
        resource.uploads.claimed().update(state=UploadState.EXPIRED, updated_at=Now())
        useless = {resource.storage_key} | resource.own_keys
        resource.delete()
        deletions.queue(useless, reason=DeletionReason.REPLACED)


def reason_to_keep(resource: MediaResource) -> str | None:
    """Return why a resource cannot be discarded now, None when it can."""
    if resource.protected:
        return "it is protected; take the protection off first."
    shown = resource.attachments.count()
    if shown:
        return f"it is shown in {shown} place{'' if shown == 1 else 's'}; remove it there first."
    copied = MediaResource.objects.pending().filter(copied_from=resource).exists()
    if copied or resource.status == ResourceStatus.PENDING:
        return "it is being processed; try again in a moment."
    return None
