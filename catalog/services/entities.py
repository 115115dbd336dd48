"""Creating, changing and deleting an entity and its media in one step, all or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from psycopg import errors as pg

from accounts.models import OwnerScope, User
from catalog import selectors
from catalog.errors import (
    ReferenceGoneError,
    ReferenceNotFoundError,
    SkuTakenError,
    SlugTakenError,
    TooManyImagesError,
)
from catalog.models import CatalogEntity, Subject
from catalog.rules.slots import list_slots
from catalog.services import slugs
from media.models import MediaResource
from media.rules.limits import MAX_REQUEST_IMAGES
from media.services import attachments
from media.services.ingest.service import MediaResourceService, Wanted
from media.storage import public_store
from sartiq.core.errors import ContentionError, InvalidManyError, Issue
from sartiq.core.preconditions import Precondition, unconditional

WIRE_NAMES = {"export_configuration": "export_configuration_id"}
MAX_TRIES = 3  # of one deletion, when others change the same rows at the same time


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


@dataclass(kw_only=True)
class _Write(Generic[Entity]):
    """What is written once the files are known; runs inside the transaction of the ingest.

    `prepare` returns the entity to write, a new one or one it has locked.
    """

    prepare: Callable[[], Entity]
    precondition: Precondition = unconditional
    changes: Changes
    then: Callable[[Entity], None]
    entity: Entity = field(init=False)

    def hold(self) -> set[UUID]:
        """Lock the entity and return the resources it may stop showing."""
        self.entity = self.prepare()
        self.precondition(self.entity)
        return attachments.attached_resource_ids(
            entity_type=self.entity.entity_type,
            entity_id=self.entity.pk,
            slots=self.changes.media,
        )

    def attach(self, resources: Mapping[str, MediaResource]) -> Entity:
        """Write the entity with its links and files."""
        entity = self.entity
        self._save(entity)
        for name, linked in self.changes.links.items():
            if isinstance(linked, list):
                getattr(entity, name).set(linked)
        attachments.fill_slots(
            entity_type=entity.entity_type,
            entity_id=entity.pk,
            slots={
                slot: [resources[url] for url in urls] for slot, urls in self.changes.media.items()
            },
            list_slots=list_slots(entity.entity_type),
        )
        self.then(entity)
        return entity

    def _save(self, entity: Entity) -> None:
        """Write what was asked for and nothing else: others may be changing other fields."""
        links = self.changes.links.items()
        single = {f"{name}_id": linked for name, linked in links if not isinstance(linked, list)}
        values = {**self.changes.values, **single}
        for name, value in values.items():
            setattr(entity, name, value)
        if isinstance(entity, Subject) and not entity.slug:
            entity.slug = slugs.free_slug(scope=entity.scope, name=entity.name)
        is_new = entity._state.adding  # noqa: SLF001  Django's own API
        entity.save(update_fields=None if is_new else [*values, "updated_at"])


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
    each bad URL or id, ConflictError kinds for a taken SKU or slug; then nothing was created. A
    subject without a slug gets one made of its name.
    """

    def prepare() -> Entity:
        return model(user_id=scope.user_id, organization_id=scope.organization_id)

    _require_links(model, user, scope, changes)
    return _write(user, scope, _Write(prepare=prepare, changes=changes, then=then))


def update(
    model: type[Entity],
    *,
    user: User,
    entity_id: UUID,
    changes: Changes,
    then: Callable[[Entity], None] = _nothing,
    precondition: Precondition = unconditional,
) -> Entity:
    """Change an entity; its media belong to the entity's owner, whoever of them asks.

    `precondition` is called with the locked entity before it is changed. Raises what `create` and
    `precondition` raise, and EntityNotFoundError, also when it is deleted meanwhile.
    """
    found = selectors.one_visible_to(model, user, entity_id)
    if changes == Changes():
        precondition(found)
        return found
    owner = user.pk if found.organization_id else found.user_id
    scope = OwnerScope(user_id=owner, organization_id=found.organization_id)

    def prepare() -> Entity:
        return selectors.locked(model, user, entity_id)

    _require_links(model, user, scope, changes, known=found)
    write = _Write(prepare=prepare, precondition=precondition, changes=changes, then=then)
    return _write(user, scope, write)


def delete(
    model: type[Entity],
    *,
    user: User,
    entity_id: UUID,
    precondition: Precondition = unconditional,
) -> None:
    """Delete an entity; its files start their grace when nothing else shows them.

    Of several requests at once one deletes it, the others raise EntityNotFoundError.
    """
    entity = selectors.one_visible_to(model, user, entity_id)
    if not discard(model.objects.filter(pk=entity.pk), precondition=precondition):
        raise selectors.not_found(model)


def discard(rows: QuerySet[Entity], *, precondition: Precondition = unconditional) -> int:
    """Delete entities of one kind with their attachments; return how many.

    Raises ContentionError if other requests change the same rows at the same time, three times.
    """
    for _ in range(MAX_TRIES):
        try:
            with transaction.atomic():
                return _discard_locked(rows, precondition)
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.DeadlockDetected):
                raise
    raise ContentionError


def _discard_locked(rows: QuerySet[Entity], precondition: Precondition) -> int:
    locked = list(rows.select_for_update(of=("self",)).order_by("pk"))
    for row in locked:
        precondition(row)
    if locked:
        attachments.detach_entities(
            entity_type=locked[0].entity_type, entity_ids=[row.pk for row in locked]
        )
    rows.model.objects.filter(pk__in=[row.pk for row in locked]).delete()
    return len(locked)


def _write(user: User, scope: OwnerScope, write: _Write[Entity]) -> Entity:
    service = MediaResourceService(public_store())
    wanted = _wanted(write.changes)
    try:
        return service.ingest_all(
            user=user, scope=scope, wanted=wanted, hold=write.hold, attach=write.attach
        )
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


def _require_links(
    model: type[Entity],
    user: User,
    scope: OwnerScope,
    changes: Changes,
    known: Entity | None = None,
) -> None:
    """Refuse every id that may not be linked; what the entity links already may stay."""
    issues: list[Issue] = []
    for name, wanted in changes.links.items():
        related: type[Any] = model._meta.get_field(name).related_model  # type: ignore[assignment]  # noqa: SLF001
        ids = wanted if isinstance(wanted, list) else [wanted] if wanted else []
        rows = related.objects.linkable_by(user, scope).filter(pk__in=ids)
        found = {*rows.values_list("pk", flat=True), getattr(known, f"{name}_id", None)}
        for index, each in enumerate(ids):
            if each not in found:
                place = (index,) if isinstance(wanted, list) else ()
                loc = ("body", WIRE_NAMES.get(name, name), *place)
                issues.append(ReferenceNotFoundError().at(*loc, value=str(each)))
    if issues:
        raise InvalidManyError(issues)


def _conflict(error: IntegrityError) -> Exception:
    text = str(error)
    if "product_sku_once" in text:
        return SkuTakenError()
    if "subject_slug_once" in text:
        return SlugTakenError()
    return ReferenceGoneError()
