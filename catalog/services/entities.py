"""Creation, changes, deletion and restoration of entities with their media, all or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import OwnerScope, TrashModel, User
from catalog import selectors
from catalog.actions import entity_action
from catalog.errors import (
    ReferenceGoneError,
    ReferenceNotFoundError,
    RestoredSkuTakenError,
    RestoredSlugTakenError,
    SkuTakenError,
    SlugTakenError,
    TooManyImagesError,
)
from catalog.models import CatalogEntity, Subject
from catalog.rules.slots import list_slots
from catalog.services import slugs
from media.rules.limits import MAX_REQUEST_IMAGES
from media.services import attachments
from media.services.ingest.claim import CheckedFiles, claim_all
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from sartiq.core import events
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import ConflictError, InvalidValuesError, Issue
from sartiq.core.preconditions import Precondition, unconditional

API_NAMES = {"export_configuration": "export_configuration_id"}
TAKEN: Mapping[str, type[ConflictError]] = {
    "product_sku_once": SkuTakenError,
    "subject_slug_once": SlugTakenError,
}
RESTORED_TAKEN: Mapping[str, type[ConflictError]] = {
    "product_sku_once": RestoredSkuTakenError,
    "subject_slug_once": RestoredSlugTakenError,
}

Entity = TypeVar("Entity", bound=CatalogEntity)
MediaUrls = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of an entity in a request.

    `values` are plain fields; `links` maps a relation to an id or a list of ids; `media` maps a
    slot to the URLs of its new files. Fields, relations and slots that are absent do not change.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)
    media: MediaUrls = field(default_factory=dict)

    @property
    def fields(self) -> list[str]:
        """The names of all fields in the request."""
        return sorted([*self.values, *self.links, *self.media])


@contextmanager
def creating(
    model: type[Entity], *, user: User, scope: OwnerScope, changes: Changes
) -> Iterator[Entity]:
    """Create an entity with its files; the transaction commits when the block ends.

    Raises InvalidValuesError with all bad URLs and ids, a ConflictError for a taken SKU or slug, or
    ContentionError if it should be retried; nothing is created then. A subject without a slug gets
    one derived from its name.
    """
    _require_links(model, user, scope, changes)
    checked = _check_files(user, scope, changes)
    with _translated_conflicts(), transaction.atomic():
        entity = model(user_id=scope.user_id, organization_id=scope.organization_id)
        _write(entity, changes, checked)
        events.record(entity_action(entity.entity_type, "created"), entity)
        yield entity


def update(
    model: type[Entity],
    *,
    user: User,
    entity_id: UUID,
    changes: Changes,
    precondition: Precondition = unconditional,
) -> Entity:
    """Change an entity; new media get the owner of the entity.

    `precondition` is called with the locked entity before it is changed. Raises the errors of
    `creating` and `precondition`, and EntityNotFoundError, also if it is deleted concurrently.
    """
    entity = selectors.get_visible(model, user, entity_id)
    if changes == Changes():
        precondition(entity)
        return entity
    owner = user.pk if entity.organization_id else entity.user_id
    scope = OwnerScope(user_id=owner, organization_id=entity.organization_id)
    _require_links(model, user, scope, changes, current=entity)
    for attempt in retry_on_contention():
        with attempt:
            checked = _check_files(user, scope, changes)
            with _translated_conflicts(), transaction.atomic():
                entity = selectors.get_locked(model, user, entity_id)
                precondition(entity)
                _write(entity, changes, checked)
                events.record(
                    entity_action(entity.entity_type, "updated"), entity, fields=changes.fields
                )
    return entity


def delete(
    model: type[Entity],
    *,
    user: User,
    entity_id: UUID,
    precondition: Precondition = unconditional,
) -> None:
    """Move an entity to the trash; its files stay attached.

    Raises EntityNotFoundError, also if another request deletes it at the same time.
    """
    entity = selectors.get_visible(model, user, entity_id)
    if not discard(model.objects.filter(pk=entity.pk), precondition=precondition):
        raise selectors.not_found(model)


def discard(rows: QuerySet[Entity], *, precondition: Precondition = unconditional) -> int:
    """Move entities of one kind to the trash; return how many.

    Raises ContentionError after three attempts that failed because of concurrent changes.
    """
    for attempt in retry_on_contention():
        with attempt, transaction.atomic():
            count = _discard_locked(rows, precondition)
    return count


def _discard_locked(rows: QuerySet[Entity], precondition: Precondition) -> int:
    locked = list(rows.select_for_update(of=("self",)).order_by("pk"))
    for row in locked:
        precondition(row)
    if locked:
        set_deleted(rows.model, locked, deleted_at=Now())
        events.record_each(entity_action(locked[0].entity_type, "deleted"), locked)
    return len(locked)


def set_deleted(model: type[Entity], locked: Sequence[Entity], *, deleted_at: Now | None) -> None:
    """Set `deleted_at` of locked entities of one kind, and of their attachments."""
    ids = [row.pk for row in locked]
    model.with_deleted.filter(pk__in=ids).update(deleted_at=deleted_at, updated_at=Now())
    attachments.set_entities_deleted(
        entity_type=model.entity_type, entity_ids=ids, deleted_at=deleted_at
    )


def restore(model: type[Entity], *, user: User, entity_id: UUID) -> Entity:
    """Return an entity from the trash; one that is not deleted stays as it is.

    Raises EntityNotFoundError, also after a purge, and RestoredSkuTakenError or
    RestoredSlugTakenError if another live row has its SKU or slug.
    """
    rows: Any = model.with_deleted  # the type checker sees the abstract model's manager
    _restore(model, rows.visible_to(user).filter(pk=entity_id))
    return selectors.get_visible(model, user, entity_id)


def restore_as_staff(model: type[Entity], *, entity_id: UUID) -> None:
    """Return any owner's entity from the trash; raises what `restore` raises."""
    rows: Any = model.with_deleted
    _restore(model, rows.filter(pk=entity_id))


def _restore(model: type[Entity], rows: QuerySet[Entity]) -> None:
    for attempt in retry_on_contention():
        with attempt, _translated_conflicts(RESTORED_TAKEN), transaction.atomic():
            entity = rows.select_for_update(of=("self",), no_key=True).first()
            if entity is None:
                raise selectors.not_found(model)
            if entity.deleted_at is not None:
                set_deleted(model, [entity], deleted_at=None)
                events.record(entity_action(model.entity_type, "restored"), entity)


def _check_files(user: User, scope: OwnerScope, changes: Changes) -> CheckedFiles:
    ingest = MediaResourceService(public_store())
    return ingest.check(user=user, scope=scope, files=_file_references(changes))


def _write(entity: CatalogEntity, changes: Changes, checked: CheckedFiles) -> None:
    """Write a new or locked entity with its links and files, in the caller's transaction."""
    detached = attachments.attached_resource_ids(
        entity_type=entity.entity_type, entity_id=entity.pk, slots=changes.media
    )
    resources = claim_all(checked, releasing=detached)
    _save(entity, changes)
    for name, ids in changes.links.items():
        if isinstance(ids, list):
            getattr(entity, name).set(ids)
    attachments.fill_slots(
        entity_type=entity.entity_type,
        entity_id=entity.pk,
        slots={slot: [resources[url] for url in urls] for slot, urls in changes.media.items()},
        list_slots=list_slots(entity.entity_type),
    )


def _save(entity: CatalogEntity, changes: Changes) -> None:
    """Save the changed fields only, as other requests may be changing other fields."""
    links = changes.links.items()
    foreign_keys = {f"{name}_id": pk for name, pk in links if not isinstance(pk, list)}
    values = {**changes.values, **foreign_keys}
    for name, value in values.items():
        setattr(entity, name, value)
    if isinstance(entity, Subject) and not entity.slug:
        entity.slug = slugs.free_slug(scope=entity.scope, name=entity.name)
    is_new = entity._state.adding  # noqa: SLF001  Django's own API
    entity.save(update_fields=None if is_new else [*values, "updated_at"])


def _file_references(changes: Changes) -> list[FileReference]:
    files = [
        FileReference(loc=("body", slot, *([index] if isinstance(urls, list) else [])), url=url)
        for slot, urls in changes.media.items()
        for index, url in enumerate(urls)
    ]
    if len(files) > MAX_REQUEST_IMAGES:
        raise TooManyImagesError(ctx={"limit": MAX_REQUEST_IMAGES, "sent": len(files)})
    return files


def _require_links(
    model: type[Entity],
    user: User,
    scope: OwnerScope,
    changes: Changes,
    current: Entity | None = None,
) -> None:
    """Raise InvalidValuesError for ids that must not be linked; the current link may stay."""
    issues: list[Issue] = []
    for name, value in changes.links.items():
        related: type[Any] = model._meta.get_field(name).related_model  # type: ignore[assignment]  # noqa: SLF001
        ids = value if isinstance(value, list) else [value] if value else []
        rows = related.objects.linkable_by(user, scope).filter(pk__in=ids)
        linkable = set(rows.values_list("pk", flat=True))
        if not issubclass(related, TrashModel):  # a deleted row must not be linked
            linkable.add(getattr(current, f"{name}_id", None))
        for index, pk in enumerate(ids):
            if pk not in linkable:
                position = (index,) if isinstance(value, list) else ()
                loc = ("body", API_NAMES.get(name, name), *position)
                issues.append(ReferenceNotFoundError().at(*loc, value=str(pk)))
    if issues:
        raise InvalidValuesError(issues)


@contextmanager
def _translated_conflicts(taken: Mapping[str, type[ConflictError]] = TAKEN) -> Iterator[None]:
    """Translate violated constraints, including deferred ones, into domain exceptions."""
    try:
        yield
    except IntegrityError as error:
        text = str(error)
        for constraint, conflict in taken.items():
            if constraint in text:
                raise conflict from error
        raise ReferenceGoneError from error
