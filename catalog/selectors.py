from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import ManyToManyField, QuerySet

from accounts.models import OwnerScope, User
from catalog.errors import EntityNotFoundError
from catalog.models import (
    CatalogEntity,
)
from media.models import Attachment
from media.selectors import media_of

Entity = TypeVar("Entity", bound=CatalogEntity)


def in_scope(model: type[Entity], scope: OwnerScope) -> QuerySet[Entity]:
    """Return one owner's entities with their links, oldest first."""
    rows: Any = model.objects  # the type checker takes them for rows of the abstract model
    return _complete(rows.in_scope(scope))


def visible_to(model: type[Entity], user: User) -> QuerySet[Entity]:
    """Return every entity the caller may see with its links, oldest first."""
    rows: Any = model.objects
    return _complete(rows.visible_to(user))


def get_visible(model: type[Entity], user: User, entity_id: UUID) -> Entity:
    """Return one entity; another owner's raises not found."""
    return _found(model, visible_to(model, user).filter(pk=entity_id).first())


def locked(model: type[Entity], user: User, entity_id: UUID) -> Entity:
    """Return one entity as it is now and stays until the running transaction ends."""
    rows = visible_to(model, user).filter(pk=entity_id)
    return _found(model, rows.select_for_update(of=("self",), no_key=True).first())


def media_by_slot(entities: Iterable[Entity]) -> dict[UUID, dict[str, list[Attachment]]]:
    """Return what each entity shows, slot by slot: one query for any number of one kind."""
    rows = list(entities)
    if not rows:
        return {}
    attachments_by_entity: dict[UUID, dict[str, list[Attachment]]] = {}
    for entity_id, attachments in media_of(rows[0].entity_type, [row.pk for row in rows]).items():
        slots = attachments_by_entity.setdefault(entity_id, {})
        for each in attachments:
            slots.setdefault(each.slot, []).append(each)
    return attachments_by_entity


def not_found(model: type[CatalogEntity]) -> EntityNotFoundError:
    """Return the error that says there is no such entity for the caller."""
    name = str(model._meta.verbose_name).capitalize()  # noqa: SLF001  Django's own API
    return EntityNotFoundError(f"{name} not found")


def _found(model: type[Entity], entity: Entity | None) -> Entity:
    if entity is None:
        raise not_found(model)
    return entity


def _complete(rows: QuerySet[Entity]) -> QuerySet[Entity]:
    links = [
        field.name
        for field in rows.model._meta.get_fields()  # noqa: SLF001  Django's own API
        if isinstance(field, ManyToManyField)
    ]
    return rows.prefetch_related(*links).order_by("created_at", "id")
