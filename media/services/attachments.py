"""Which resource an entity shows where. Every function runs in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models.functions import Now

from media.models import Attachment, MediaResource


def shown_in(*, entity_type: str, entity_id: UUID, slots: Iterable[str]) -> set[UUID]:
    """Return the ids of the resources these slots show."""
    mine = Attachment.objects.filter(
        entity_type=entity_type, entity_id=entity_id, slot__in=list(slots)
    )
    return set(mine.values_list("resource_id", flat=True))


def fill_slots(
    *,
    entity_type: str,
    entity_id: UUID,
    slots: Mapping[str, Sequence[MediaResource]],
    list_slots: Iterable[str],
) -> None:
    """Make each named slot show exactly these resources, in this order; others stay as they are.

    The caller holds the entity's row, so that of two who replace a list one comes after the other.
    A slot outside `list_slots` holds at most one. A resource nothing shows any more starts its
    grace.
    """
    left = shown_in(entity_type=entity_type, entity_id=entity_id, slots=slots)
    Attachment.objects.filter(
        entity_type=entity_type, entity_id=entity_id, slot__in=list(slots)
    ).delete()
    several = set(list_slots)
    rows = [
        Attachment(
            resource=resource,
            entity_type=entity_type,
            entity_id=entity_id,
            slot=slot,
            position=position if slot in several else None,
        )
        for slot, resources in slots.items()
        for position, resource in enumerate(resources)
    ]
    Attachment.objects.bulk_create(rows)
    shown = {row.resource_id for row in rows}
    MediaResource.objects.filter(pk__in=shown, unattached_at__isnull=False).update(
        unattached_at=None, updated_at=Now()
    )
    _start_grace(left - shown)


def detach_entities(*, entity_type: str, entity_ids: Iterable[UUID]) -> None:
    """Remove every attachment of deleted entities; their resources start their grace."""
    gone = Attachment.objects.filter(entity_type=entity_type, entity_id__in=list(entity_ids))
    left = set(gone.values_list("resource_id", flat=True))
    gone.delete()
    _start_grace(left)


def _start_grace(resource_ids: set[UUID]) -> None:
    if not resource_ids:
        return
    rows = MediaResource.objects.filter(pk__in=resource_ids).order_by("content_hash", "pk")
    # Two that remove the last two places of one resource must see each other: the second one
    # waits here, and what it asks next sees what the first has committed.
    locked = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    unshown = MediaResource.objects.filter(pk__in=locked, attachments__isnull=True)
    ids = list(unshown.values_list("pk", flat=True))
    MediaResource.objects.filter(pk__in=ids).update(unattached_at=Now(), updated_at=Now())
