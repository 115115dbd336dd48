"""Creating, changing and deleting an entity and its media in one step, all or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import OwnerScope, User
from catalog import selectors
from catalog.errors import (
    ReferenceGoneError,
    ReferenceNotFoundError,
    SkuTakenError,
    SlugTakenError,
    TooManyImagesError,
)
from catalog.models import CatalogEntity
from catalog.rules.slots import list_slots
from media.models import MediaResource
from media.rules.limits import MAX_REQUEST_IMAGES
from media.services import attachments
from media.services.ingest import MediaResourceService, Wanted
from media.storage import public_store
from sartiq.core.errors import InvalidManyError, Issue

Entity = TypeVar("Entity", bound=CatalogEntity)
MediaUrls = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a request asks of an entity.

    `values` are plain fields; `links` map a relation to ids (a list for many); `media` maps a slot
    to the URLs it shall show. A name that is absent stays as it is.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)
    media: MediaUrls = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Write(Generic[Entity]):
    """One entity about to be written with everything that was looked up for it."""

    entity: Entity
    changes: Changes
    then: Callable[[Entity], None]

    def __call__(self, resources: Mapping[str, MediaResource]) -> Entity:
        self.entity.save()
        for name, linked in self.changes.links.items():
            if isinstance(linked, list):
                getattr(self.entity, name).set(linked)
        attachments.fill_slots(
            entity_type=self.entity.entity_type,
            entity_id=self.entity.pk,
            slots={
                slot: [resources[url] for url in urls] for slot, urls in self.changes.media.items()
            },
            list_slots=list_slots(self.entity.entity_type),
        )
        self.then(self.entity)
        return self.entity


def _nothing(_entity: Any) -> None:
    """Do nothing more."""


def create(
    model: type[Entity],
    *,
    user: User,
    scope: OwnerScope,
    changes: Changes,
    then: Callable[[Entity], None] = _nothing,
) -> Entity:
    """Create an entity and take its files in.

    `then` is called with the entity inside the creating transaction. Raises InvalidManyError naming
    each bad URL or id, ConflictError kinds for a taken SKU or slug; then nothing was created.
    """
    entity = model(user_id=scope.user_id, organization_id=scope.organization_id)
    return _write(user, scope, entity, changes, then)


def update(
    model: type[Entity],
    *,
    user: User,
    entity_id: UUID,
    changes: Changes,
    then: Callable[[Entity], None] = _nothing,
) -> Entity:
    """Change an entity; its media belong to the entity's owner, whoever of them asks."""
    entity = selectors.one_visible_to(model, user, entity_id)
    scope = OwnerScope(user_id=entity.user_id, organization_id=entity.organization_id)
    return _write(user, scope, entity, changes, then)


def delete(model: type[Entity], *, user: User, entity_id: UUID) -> None:
    """Delete an entity; its files start their grace when nothing else shows them."""
    entity = selectors.one_visible_to(model, user, entity_id)
    discard(model.objects.filter(pk=entity.pk))


def discard(rows: QuerySet[Entity]) -> int:
    """Delete entities of one kind with their attachments; return how many."""
    with transaction.atomic():
        locked = list(rows.select_for_update(of=("self",)).order_by("pk"))
        if locked:
            attachments.detach_entities(
                entity_type=locked[0].entity_type, entity_ids=[row.pk for row in locked]
            )
        rows.model.objects.filter(pk__in=[row.pk for row in locked]).delete()
    return len(locked)


def _write(
    user: User,
    scope: OwnerScope,
    entity: Entity,
    changes: Changes,
    then: Callable[[Entity], None],
) -> Entity:
    for name, value in changes.values.items():
        setattr(entity, name, value)
    _link(entity, scope, changes)
    write = _Write(entity=entity, changes=changes, then=then)
    service = MediaResourceService(public_store())
    try:
        return service.ingest_all(user=user, scope=scope, wanted=_wanted(changes), attach=write)
    except IntegrityError as error:
        raise _conflict(error) from error


def _wanted(changes: Changes) -> list[Wanted]:
    wanted = [
        Wanted(loc=("body", slot, *([index] if isinstance(urls, list) else [])), url=url)
        for slot, urls in changes.media.items()
        for index, url in enumerate(urls)
    ]
    if len(wanted) > MAX_REQUEST_IMAGES:
        raise TooManyImagesError(ctx={"limit": MAX_REQUEST_IMAGES, "sent": len(wanted)})
    return wanted


def _link(entity: CatalogEntity, scope: OwnerScope, changes: Changes) -> None:
    """Check that every id names something of the same owner, and set the single ones."""
    issues: list[Issue] = []
    for name, wanted in changes.links.items():
        related: type[Any] = entity._meta.get_field(name).related_model  # type: ignore[assignment]  # noqa: SLF001
        ids = wanted if isinstance(wanted, list) else [wanted] if wanted else []
        found = set(related.objects.in_scope(scope).filter(pk__in=ids).values_list("pk", flat=True))
        for index, each in enumerate(ids):
            if each not in found:
                place = (index,) if isinstance(wanted, list) else ()
                issues.append(ReferenceNotFoundError().at("body", name, *place, value=str(each)))
        if not isinstance(wanted, list):
            setattr(entity, f"{name}_id", wanted)
    if issues:
        raise InvalidManyError(issues)


def _conflict(error: IntegrityError) -> Exception:
    text = str(error)
    if "product_sku_once" in text:
        return SkuTakenError()
    if "subject_slug_once" in text:
        return SlugTakenError()
    return ReferenceGoneError()
