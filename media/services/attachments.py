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
    fill_many(entity_type=entity_type, slots={entity_id: slots}, list_slots=list_slots)


def fill_many(
    *,
    entity_type: str,
    slots: Mapping[UUID, Mapping[str, Sequence[MediaResource]]],
    list_slots: Iterable[str],
) -> None:
    """Fill the slots of several entities of one kind, with as many statements as for one."""
    before = _shown_by_place(entity_type, slots)
    Attachment.objects.filter(pk__in=list(before)).delete()
    several = set(list_slots)
    rows = [
        Attachment(
            resource=resource,
            entity_type=entity_type,
            entity_id=entity_id,
            slot=slot,
            position=position if slot in several else None,
        )
        for entity_id, wanted in slots.items()
        for slot, resources in wanted.items()
        for position, resource in enumerate(resources)
    ]
    Attachment.objects.bulk_create(rows)
    shown = {row.resource_id for row in rows}
    MediaResource.objects.filter(pk__in=shown, unattached_at__isnull=False).update(
        unattached_at=None, updated_at=Now()
    )
    start_grace(set(before.values()) - shown)


def shown_by(*, entity_type: str, slots: Mapping[UUID, Iterable[str]]) -> set[UUID]:
    """Return the ids of the resources these slots of several entities show."""
    return set(_shown_by_place(entity_type, slots).values())


def _shown_by_place(entity_type: str, slots: Mapping[UUID, Iterable[str]]) -> dict[UUID, UUID]:
    """Return attachment and resource of each of these places."""
    wanted = {(entity_id, slot) for entity_id, names in slots.items() for slot in names}
    rows = Attachment.objects.filter(entity_type=entity_type, entity_id__in=list(slots))
    places = rows.values_list("pk", "entity_id", "slot", "resource_id")
    return {pk: shown for pk, entity_id, slot, shown in places if (entity_id, slot) in wanted}


def detach_entities(*, entity_type: str, entity_ids: Iterable[UUID]) -> None:
    """Remove every attachment of deleted entities; their resources start their grace."""
    gone = Attachment.objects.filter(entity_type=entity_type, entity_id__in=list(entity_ids))
    left = set(gone.values_list("resource_id", flat=True))
    gone.delete()
    start_grace(left)


def start_grace(resource_ids: set[UUID]) -> None:
    """Let those of the resources that nothing shows be swept some day."""
    if not resource_ids:
        return
    rows = MediaResource.objects.filter(pk__in=resource_ids).order_by("content_hash", "pk")
    # Two that remove the last two places of one resource must see each other: the second one
    # waits here, and what it asks next sees what the first has committed.
    locked = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    unshown = MediaResource.objects.filter(pk__in=locked, attachments__isnull=True)
    ids = list(unshown.values_list("pk", flat=True))
    MediaResource.objects.filter(pk__in=ids).update(unattached_at=Now(), updated_at=Now())
