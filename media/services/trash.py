"""The trash of media resources: deleted by staff, restored, revived by the same bytes, or purged.

They can be restored for `TRASH_DAYS` (sartiq/settings/environment.py); the design is in
`docs/design/trash.md`.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from accounts.models import User
from accounts.selectors import may_write
from media import selectors
from media.actions import MediaAction
from media.errors import MediaResourceNotFoundError, ResourceInUseError
from media.models import (
    Attachment,
    DeletionReason,
    MediaResource,
    MediaResourceQuerySet,
    ResourceStatus,
)
from media.services.cleanup import orphaned_media
from sartiq.core import events
from sartiq.core.errors import NotPermittedError


def set_deleted(locked: Iterable[MediaResource], *, deleted_at: Now | None) -> None:
    """Set `deleted_at` of locked resources, in the caller's transaction."""
    rows = MediaResource.with_deleted.filter(pk__in=[row.pk for row in locked])
    rows.update(deleted_at=deleted_at, updated_at=Now())


def delete_as_staff(*, resource_id: UUID) -> None:
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
        set_deleted([resource], deleted_at=Now())
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


def return_from_trash(locked: Collection[MediaResource]) -> None:
    """Return locked, deleted resources from the trash, in the caller's transaction."""
    set_deleted(locked, deleted_at=None)
    events.record_each(MediaAction.RESOURCE_RESTORED, locked)


def restore(*, user: User, resource_id: UUID) -> MediaResource:
    """Return a resource from the trash; one that is not deleted stays as it is.

    It is not attached to anything, so its grace period starts again. Raises
    MediaResourceNotFoundError, also after a purge.
    """
    with transaction.atomic():
        resource = _locked(MediaResource.with_deleted.visible_to(user), resource_id)
        if not may_write(user, resource.scope):
            raise NotPermittedError
        _restore(resource)
    return selectors.resource_visible_to(user, resource_id)


def restore_as_staff(*, resource_id: UUID) -> None:
    """Return any owner's resource from the trash; raises what `restore` raises."""
    with transaction.atomic():
        _restore(_locked(MediaResource.with_deleted.all(), resource_id))


def _locked(rows: MediaResourceQuerySet, resource_id: UUID) -> MediaResource:
    locked = rows.select_for_update(of=("self",), no_key=True)
    resource: MediaResource | None = locked.filter(pk=resource_id).first()
    if resource is None:
        raise MediaResourceNotFoundError
    return resource


def _restore(resource: MediaResource) -> None:
    if resource.deleted_at is not None:
        return_from_trash([resource])
        MediaResource.objects.filter(pk=resource.pk).update(unattached_at=Now())


def purgeable(before: datetime) -> MediaResourceQuerySet:
    """Return the resources deleted before a moment that nothing needs any more, oldest first."""
    copies = MediaResource.objects.pending().filter(copied_from=OuterRef("pk"))
    attached = Attachment.objects.filter(resource_id=OuterRef("pk"))
    deleted: MediaResourceQuerySet = MediaResource.with_deleted.in_trash(before=before)
    unneeded = deleted.filter(protected=False).exclude(Exists(copies)).exclude(Exists(attached))
    return unneeded.order_by("deleted_at", "pk")


def purge(ids: Collection[UUID], *, before: datetime) -> int:
    """Delete those of the resources that are still purgeable, and queue their objects."""
    return orphaned_media.discard_unless_busy(
        ids, candidates=purgeable(before), reason=DeletionReason.REPLACED, cause="trash"
    )
