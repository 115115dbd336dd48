"""Creating, changing and deleting an entity and its media in one step, all or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
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
from catalog.models import CatalogEntity, Subject
from catalog.rules.slots import list_slots
from catalog.services import slugs
from media.rules.limits import MAX_REQUEST_IMAGES
from media.services import attachments
from media.services.ingest.claim import Checked, claim_all
from media.services.ingest.resolve import Wanted
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import InvalidManyError, Issue
from sartiq.core.preconditions import Precondition, unconditional

WIRE_NAMES = {"export_configuration": "export_configuration_id"}

Entity = TypeVar("Entity", bound=CatalogEntity)
MediaUrls = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a request asks of an entity.

    `values` are plain fields; `links` map a relation to ids (a list for many); `media` maps a slot
    to the URLs it is to show. A name that is absent stays as it is.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)
    media: MediaUrls = field(default_factory=dict)


@contextmanager
def creating(
    model: type[Entity], *, user: User, scope: OwnerScope, changes: Changes
) -> Iterator[Entity]:
    """Create an entity with its files; the transaction commits when the block ends.

    Raises InvalidManyError naming each bad URL or id, ConflictError kinds for a taken SKU or slug;
    then nothing was created. Raises ContentionError when it should be tried again. A subject
    without a slug gets one made of its name.
    """
    _require_links(model, user, scope, changes)
    checked = _check_files(user, scope, changes)
    with _conflicts_named(), transaction.atomic():
        entity = model(user_id=scope.user_id, organization_id=scope.organization_id)
        _write(entity, changes, checked)
        yield entity


def update(
    model: type[Entity],
    *,
    user: User,
    entity_id: UUID,
    changes: Changes,
    precondition: Precondition = unconditional,
) -> Entity:
    """Change an entity; its media belong to the entity's owner, no matter which of them asks.

    `precondition` is called with the locked entity before it is changed. Raises what `creating` and
    `precondition` raise, and EntityNotFoundError, also when it is deleted meanwhile.
    """
    entity = selectors.get_visible(model, user, entity_id)
    if changes == Changes():
        precondition(entity)
        return entity
    owner = user.pk if entity.organization_id else entity.user_id
    scope = OwnerScope(user_id=owner, organization_id=entity.organization_id)
    _require_links(model, user, scope, changes, known=entity)
    for attempt in retry_on_contention():
        with attempt:
            checked = _check_files(user, scope, changes)
            with _conflicts_named(), transaction.atomic():
                entity = selectors.locked(model, user, entity_id)
                precondition(entity)
                _write(entity, changes, checked)
    return entity


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
    entity = selectors.get_visible(model, user, entity_id)
    if not discard(model.objects.filter(pk=entity.pk), precondition=precondition):
        raise selectors.not_found(model)


def discard(rows: QuerySet[Entity], *, precondition: Precondition = unconditional) -> int:
    """Delete entities of one kind with their attachments; return how many.

    Raises ContentionError if other requests change the same rows at the same time, three times.
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
        attachments.detach_entities(
            entity_type=locked[0].entity_type, entity_ids=[row.pk for row in locked]
        )
    rows.model.objects.filter(pk__in=[row.pk for row in locked]).delete()
    return len(locked)


def _check_files(user: User, scope: OwnerScope, changes: Changes) -> Checked:
    ingest = MediaResourceService(public_store())
    return ingest.check(user=user, scope=scope, wanted=_wanted(changes))


def _write(entity: CatalogEntity, changes: Changes, checked: Checked) -> None:
    """Write a new or locked entity with its links and files, in the caller's transaction."""
    detached = attachments.attached_resource_ids(
        entity_type=entity.entity_type, entity_id=entity.pk, slots=changes.media
    )
    resources = claim_all(checked, releasing=detached)
    _save(entity, changes)
    for name, linked in changes.links.items():
        if isinstance(linked, list):
            getattr(entity, name).set(linked)
    attachments.fill_slots(
        entity_type=entity.entity_type,
        entity_id=entity.pk,
        slots={slot: [resources[url] for url in urls] for slot, urls in changes.media.items()},
        list_slots=list_slots(entity.entity_type),
    )


def _save(entity: CatalogEntity, changes: Changes) -> None:
    """Write what was asked for and nothing else: others may be changing other fields."""
    links = changes.links.items()
    single = {f"{name}_id": linked for name, linked in links if not isinstance(linked, list)}
    values = {**changes.values, **single}
    for name, value in values.items():
        setattr(entity, name, value)
    if isinstance(entity, Subject) and not entity.slug:
        entity.slug = slugs.free_slug(scope=entity.scope, name=entity.name)
    is_new = entity._state.adding  # noqa: SLF001  Django's own API
    entity.save(update_fields=None if is_new else [*values, "updated_at"])


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


@contextmanager
def _conflicts_named() -> Iterator[None]:
    """Turn a violated constraint into the error the caller sees, also one found at commit."""
    try:
        yield
    except IntegrityError as error:
        text = str(error)
        if "product_sku_once" in text:
            raise SkuTakenError from error
        if "subject_slug_once" in text:
            raise SlugTakenError from error
        raise ReferenceGoneError from error
