"""Attachments of resources to entities. Every function runs in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from media.models import Attachment, MediaResource


def attached_resource_ids(*, entity_type: str, entity_id: UUID, slots: Iterable[str]) -> set[UUID]:
    """Return the ids of the resources attached to these slots."""
    rows = Attachment.objects.filter(
        entity_type=entity_type, entity_id=entity_id, slot__in=list(slots)
    )
    return set(rows.values_list("resource_id", flat=True))


def fill_slots(
    *,
    entity_type: str,
    entity_id: UUID,
    slots: Mapping[str, Sequence[MediaResource]],
    list_slots: Iterable[str],
) -> None:
    """Attach exactly these resources to each given slot, in this order; leave other slots alone.

    The caller holds a lock on the entity, so two replacements of a list run one after the other.
    A slot outside `list_slots` holds at most one resource. The grace period of resources that are
    no longer attached starts.
    """
    fill_many(entity_type=entity_type, slots={entity_id: slots}, list_slots=list_slots)


def fill_many(
    *,
    entity_type: str,
    slots: Mapping[UUID, Mapping[str, Sequence[MediaResource]]],
    list_slots: Iterable[str],
) -> None:
    """Fill the slots of several entities of one type with a constant number of statements."""
    before = _resource_ids_by_attachment(entity_type, slots)
    Attachment.objects.filter(pk__in=list(before)).delete()
    lists = set(list_slots)
    rows = [
        Attachment(
            resource=resource,
            entity_type=entity_type,
            entity_id=entity_id,
            slot=slot,
            position=position if slot in lists else None,
        )
        for entity_id, pairs in slots.items()
        for slot, resources in pairs.items()
        for position, resource in enumerate(resources)
    ]
    Attachment.objects.bulk_create(rows)
    attached_ids = {row.resource_id for row in rows}
    MediaResource.objects.filter(pk__in=attached_ids, unattached_at__isnull=False).update(
        unattached_at=None, updated_at=Now()
    )
    start_grace(set(before.values()) - attached_ids)


def insert_into_list(
    *, entity_type: str, entity_id: UUID, slot: str, resource: MediaResource, position: int
) -> None:
    """Attach a resource to a list slot at a position; later ones move back by one.

    The caller holds locks on the entity and on the resource.
    """
    rows = Attachment.objects.filter(entity_type=entity_type, entity_id=entity_id, slot=slot)
    later = rows.filter(position__gte=position)
    later.update(position=F("position") + 1, updated_at=Now())
    Attachment.objects.create(
        resource=resource,
        entity_type=entity_type,
        entity_id=entity_id,
        slot=slot,
        position=position,
    )
    MediaResource.objects.filter(pk=resource.pk, unattached_at__isnull=False).update(
        unattached_at=None, updated_at=Now()
    )


def attached_resource_ids_of_entities(
    *, entity_type: str, slots: Mapping[UUID, Iterable[str]]
) -> set[UUID]:
    """Return the ids of the resources attached to these slots of several entities."""
    return set(_resource_ids_by_attachment(entity_type, slots).values())


def _resource_ids_by_attachment(
    entity_type: str, slots: Mapping[UUID, Iterable[str]]
) -> dict[UUID, UUID]:
    """Return the resource id by attachment id for these slots."""
    pairs = {(entity_id, slot) for entity_id, names in slots.items() for slot in names}
    rows = Attachment.objects.filter(entity_type=entity_type, entity_id__in=list(slots))
    values = rows.values_list("pk", "entity_id", "slot", "resource_id")
    return {
        pk: resource_id for pk, entity_id, slot, resource_id in values if (entity_id, slot) in pairs
    }


def set_entities_deleted(
    *, entity_type: str, entity_ids: Iterable[UUID], deleted_at: Now | None
) -> None:
    """Hide or show the attachments of entities that are deleted or restored.

    The caller holds a lock on the entities. The resources stay attached.
    """
    rows = Attachment.objects.filter(entity_type=entity_type, entity_id__in=list(entity_ids))
    rows.update(entity_deleted_at=deleted_at, updated_at=Now())


def detach_entities(*, entity_type: str, entity_ids: Iterable[UUID]) -> None:
    """Delete every attachment of purged entities and start the grace period of their resources."""
    rows = Attachment.objects.filter(entity_type=entity_type, entity_id__in=list(entity_ids))
    detached = set(rows.values_list("resource_id", flat=True))
    rows.delete()
    start_grace(detached)


def start_grace(resource_ids: set[UUID]) -> None:
    """Start the grace period of those resources that have no attachment any more."""
    if not resource_ids:
        return
    rows = MediaResource.objects.filter(pk__in=resource_ids).order_by("content_hash", "pk")
    # Two transactions that remove the last two attachments of a resource must see each other: the
    # second one waits here and then reads what the first one committed.
    locked = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    unattached = MediaResource.objects.filter(pk__in=locked, attachments__isnull=True)
    ids = list(unattached.values_list("pk", flat=True))
    MediaResource.objects.filter(pk__in=ids).update(unattached_at=Now(), updated_at=Now())
