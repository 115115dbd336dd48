"""Selection of an export's files from the catalogue, in order, with the values of each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import OwnerScope, User
from catalog import selectors
from catalog.errors import ReferenceNotFoundError
from catalog.models import CatalogEntity, Look, Product, ProductionRequest
from catalog.rules.slots import SLOTS
from exports.errors import (
    ConfigurationsDifferError,
    OwnersDifferError,
    TooManyFilesError,
    TooManyLookProductsError,
)
from exports.models import ExportConfiguration
from exports.rules.limits import MAX_FILES
from exports.rules.wildcards import Value
from exports.services.naming import ExportEntry
from exports.services.resolution import resolve, resolve_for_owner
from media.models import Attachment
from sartiq.core.errors import InvalidValuesError, Issue

MAX_LOOK_PRODUCTS = 50_000  # in one export; a product counts once for each look it is in
Entity = TypeVar("Entity", bound=CatalogEntity)
Media = dict[UUID, dict[str, list[Attachment]]]
Values = dict[str, Value]


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """A request to export: exactly one of the three selectors, and optionally a configuration."""

    production_request_id: UUID | None = None
    look_ids: Sequence[UUID] | None = None
    product_ids: Sequence[UUID] | None = None
    export_configuration_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The entries of an export, its owner and its configuration."""

    scope: OwnerScope
    title: str
    configuration: ExportConfiguration
    entries: list[ExportEntry]


def select(user: User, payload: ExportRequest) -> Selection:
    """Return the files, the owner and the configuration of a requested export.

    Raises InvalidValuesError naming each id the caller cannot use, OwnersDifferError and
    ConfigurationsDifferError, TooManyFilesError and TooManyLookProductsError.
    """
    if payload.production_request_id is not None:
        return _select_request(user, payload, payload.production_request_id)
    if payload.look_ids is not None:
        return _select_looks(user, payload, payload.look_ids)
    return _select_products(user, payload, payload.product_ids or [])


def _select_request(user: User, payload: ExportRequest, request_id: UUID) -> Selection:
    rows = selectors.visible_to(ProductionRequest, user).select_related("guideline")
    [request] = _entities_by_id(rows, "production_request_id", [request_id])
    scope = _scope(user, request)
    requested = _requested_configuration(user, scope, payload)
    looks = list(_require_product_limit(_looks(user).filter(production_requests=request)))
    values: Values = {"production_request": request.name}
    if request.live_guideline is not None:
        values["guideline"] = request.live_guideline.name
    return Selection(
        scope=scope,
        title=request.name,
        configuration=requested or resolve(request).configuration,
        entries=_up_to_limit(_look_entries(looks, values)),
    )


def _select_looks(user: User, payload: ExportRequest, ids: Sequence[UUID]) -> Selection:
    looks = _entities_by_id(
        _require_product_limit(_looks(user).filter(pk__in=ids)), "look_ids", ids
    )
    scope = _common_scope(user, looks, "look_ids")
    requested = _requested_configuration(user, scope, payload)
    return Selection(
        scope=scope,
        title=looks[0].name if len(looks) == 1 else f"{len(looks)} looks",
        configuration=requested or _common_configuration(_distinct_sources(looks)),
        entries=_up_to_limit(_look_entries(looks, {})),
    )


def _select_products(user: User, payload: ExportRequest, ids: Sequence[UUID]) -> Selection:
    products = _entities_by_id(selectors.visible_to(Product, user), "product_ids", ids)
    scope = _common_scope(user, products, "product_ids")
    requested = _requested_configuration(user, scope, payload)
    media_by_product = _attached_media(products)
    return Selection(
        scope=scope,
        title=products[0].name if len(products) == 1 else f"{len(products)} products",
        configuration=requested or resolve_for_owner(scope).configuration,
        entries=_up_to_limit(
            entry
            for product in products
            for entry in _entries(product, media_by_product, _product_values(product))
        ),
    )


def _looks(user: User) -> QuerySet[Look]:
    """Return the looks the caller may see, with the related rows an export needs, oldest first."""
    return selectors.visible_to(Look, user).select_related("subject", "export_configuration")


def _require_product_limit(looks: QuerySet[Look]) -> QuerySet[Look]:
    """Return the looks, or raise TooManyLookProductsError before their products are read."""
    links = Look.products.through.objects.filter(
        look__in=looks.order_by().values("pk"), product__deleted_at__isnull=True
    )
    if links[: MAX_LOOK_PRODUCTS + 1].count() > MAX_LOOK_PRODUCTS:
        raise TooManyLookProductsError(ctx={"limit": MAX_LOOK_PRODUCTS})
    return looks


def _distinct_sources(looks: Sequence[Look]) -> list[Look]:
    """Return one look for each configuration or creator that a configuration is resolved from."""
    by_source = {look.export_configuration_id or look.user_id: look for look in looks}
    return list(by_source.values())


def _entities_by_id(rows: QuerySet[Entity], name: str, ids: Sequence[UUID]) -> list[Entity]:
    """Return the entities in the order of their ids, once each."""
    entities = {row.pk: row for row in rows.filter(pk__in=ids)}
    issues = list(_unknown_id_issues(name, ids, entities))
    if issues:
        raise InvalidValuesError(issues)
    return [entities[pk] for pk in dict.fromkeys(ids)]


def _unknown_id_issues(
    name: str, ids: Sequence[UUID], entities: dict[UUID, Any]
) -> Iterator[Issue]:
    for index, pk in enumerate(ids):
        if pk not in entities:
            location = (index,) if name.endswith("ids") else ()
            message = "No object with this id exists, or you cannot use it here."
            yield ReferenceNotFoundError(message).at("body", name, *location, value=str(pk))


def _common_scope(user: User, rows: Sequence[CatalogEntity], name: str) -> OwnerScope:
    if len({row.scope.key for row in rows}) > 1:
        raise OwnersDifferError(loc=("body", name))
    return _scope(user, rows[0])


def _scope(user: User, row: CatalogEntity) -> OwnerScope:
    """Return the owner of the export: the entity's organization, or else the caller.

    Only a superuser can export another user's entities; the export then belongs to the superuser.
    """
    return OwnerScope(user_id=user.pk, organization_id=row.organization_id)


def _requested_configuration(
    user: User, scope: OwnerScope, payload: ExportRequest
) -> ExportConfiguration | None:
    """Return the configuration given in the request, if any."""
    configuration_id = payload.export_configuration_id
    if configuration_id is None:
        return None
    rows = ExportConfiguration.objects.linkable_by(user, scope)
    configuration: ExportConfiguration | None = rows.filter(pk=configuration_id).first()
    if configuration is None:
        raise ReferenceNotFoundError(
            "No object with this id exists, or you cannot use it here.",
            loc=("body", "export_configuration_id"),
            value=str(configuration_id),
        )
    return configuration


def _common_configuration(looks: Iterable[Look]) -> ExportConfiguration:
    """Return the one configuration that applies to all looks."""
    configurations = [resolve(look).configuration for look in looks]
    if len({_stored_id(configuration) for configuration in configurations}) > 1:
        raise ConfigurationsDifferError(loc=("body", "look_ids"))
    return configurations[-1]


def _stored_id(configuration: ExportConfiguration) -> UUID | None:
    """Return the id of a stored configuration, None for the system default."""
    is_stored = not configuration._state.adding  # noqa: SLF001  Django's documented model state
    return configuration.pk if is_stored else None


def _look_entries(looks: Sequence[Look], request_values: Values) -> Iterator[ExportEntry]:
    products = {product.pk: product for look in looks for product in look.products.all()}
    product_media = _attached_media(list(products.values()))
    look_media = _attached_media(looks)
    for look in looks:
        look_products = sorted(look.products.all(), key=_creation_order)
        values: Values = {**request_values, "look": look.name}
        if look.live_subject is not None:
            values["subject"] = look.live_subject.name
        for product in look_products:
            yield from _entries(product, product_media, {**_product_values(product), **values})
        is_single = len(look_products) == 1
        product_values = _product_values(look_products[0]) if is_single else {}
        yield from _entries(look, look_media, {**product_values, **values})


def _up_to_limit(entries: Iterable[ExportEntry]) -> list[ExportEntry]:
    """Return the entries, at most one more than the limit: the export then rejects them."""
    return list(islice(entries, MAX_FILES + 1))


def _attached_media(rows: Sequence[CatalogEntity]) -> Media:
    """Return the attached media, or raise TooManyFilesError before any of it is read."""
    ids = [row.pk for row in rows]
    if rows and Attachment.objects.for_entities(rows[0].entity_type, ids).count() > MAX_FILES:
        raise TooManyFilesError(ctx={"limit": MAX_FILES})
    return selectors.media_by_slot(rows)


def _entries(entity: CatalogEntity, media: Media, values: Values) -> Iterator[ExportEntry]:
    slots = media.get(entity.pk, {})
    for slot in SLOTS[entity.entity_type]:
        for attachment in slots.get(slot.name, []):
            entry_values = {**values, "shot_type": slot.shot_type}
            yield ExportEntry(resource=attachment.resource, values=entry_values)


def _product_values(product: Product) -> Values:
    values = {
        "brand": product.brand,
        "product_sku": product.sku,
        "product_name": product.name,
        "color": product.color,
        "gender": product.gender,
    }
    return {name: value for name, value in values.items() if value}


def _creation_order(row: CatalogEntity) -> tuple[Any, UUID]:
    return row.created_at, row.pk
