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
    TooManyWornError,
)
from exports.models import ExportConfiguration
from exports.rules.limits import MAX_FILES
from exports.rules.wildcards import Value
from exports.services.naming import ExportEntry
from exports.services.resolution import resolve, resolve_for_owner
from media.models import Attachment
from sartiq.core.errors import InvalidManyError, Issue

MAX_WORN_PRODUCTS = 50_000  # products by the looks of one export, each as often as it is worn
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
    """Return what the caller asks to export.

    Raises InvalidManyError naming each id that is not there for the caller, OwnersDifferError and
    ConfigurationsDifferError, TooManyFilesError and TooManyWornError.
    """
    if payload.production_request_id is not None:
        return _of_request(user, payload, payload.production_request_id)
    if payload.look_ids is not None:
        return _of_looks(user, payload, payload.look_ids)
    return _of_products(user, payload, payload.product_ids or [])


def _of_request(user: User, payload: ExportRequest, request_id: UUID) -> Selection:
    rows = selectors.visible_to(ProductionRequest, user).select_related("guideline")
    [request] = _found(rows, "production_request_id", [request_id])
    scope = _scope(user, request)
    entries = _named_configuration(user, scope, payload)
    looks = list(_few_worn(_looks(user).filter(production_requests=request)))
    values: Values = {"production_request": request.name}
    if request.guideline is not None:
        values["guideline"] = request.guideline.name
    return Selection(
        scope=scope,
        title=request.name,
        configuration=entries or resolve(request).configuration,
        entries=_as_many_as_fit(_look_entries(looks, values)),
    )


def _of_looks(user: User, payload: ExportRequest, ids: Sequence[UUID]) -> Selection:
    looks = _found(_few_worn(_looks(user).filter(pk__in=ids)), "look_ids", ids)
    scope = _common_scope(user, looks, "look_ids")
    entries = _named_configuration(user, scope, payload)
    return Selection(
        scope=scope,
        title=looks[0].name if len(looks) == 1 else f"{len(looks)} looks",
        configuration=entries or _common_configuration(_decisive(looks)),
        entries=_as_many_as_fit(_look_entries(looks, {})),
    )


def _of_products(user: User, payload: ExportRequest, ids: Sequence[UUID]) -> Selection:
    products = _found(selectors.visible_to(Product, user), "product_ids", ids)
    scope = _common_scope(user, products, "product_ids")
    entries = _named_configuration(user, scope, payload)
    media = _media_of(products)
    return Selection(
        scope=scope,
        title=products[0].name if len(products) == 1 else f"{len(products)} products",
        configuration=entries or resolve_for_owner(scope).configuration,
        entries=_as_many_as_fit(
            entry for each in products for entry in _entries(each, media, _product_values(each))
        ),
    )


def _looks(user: User) -> QuerySet[Look]:
    """Return the looks the caller may see with all an export reads of them, oldest first."""
    return selectors.visible_to(Look, user).select_related("subject", "export_configuration")


def _few_worn(looks: QuerySet[Look]) -> QuerySet[Look]:
    """Return the looks, or raise TooManyWornError before any of what they wear is read."""
    worn = Look.products.through.objects.filter(look__in=looks.order_by().values("pk"))
    if worn[: MAX_WORN_PRODUCTS + 1].count() > MAX_WORN_PRODUCTS:
        raise TooManyWornError(ctx={"limit": MAX_WORN_PRODUCTS})
    return looks


def _decisive(looks: Sequence[Look]) -> list[Look]:
    """Return one look per distinct way to resolve a configuration."""
    ways = {look.export_configuration_id or look.user_id: look for look in looks}
    return list(ways.values())


def _found(rows: QuerySet[Entity], name: str, ids: Sequence[UUID]) -> list[Entity]:
    """Return the entities in the order their ids were sent, once each."""
    result = {row.pk: row for row in rows.filter(pk__in=ids)}
    issues = list(_unknown(name, ids, result))
    if issues:
        raise InvalidManyError(issues)
    return [result[pk] for pk in dict.fromkeys(ids)]


def _unknown(name: str, ids: Sequence[UUID], result: dict[UUID, Any]) -> Iterator[Issue]:
    for index, pk in enumerate(ids):
        if pk not in result:
            place = (index,) if name.endswith("ids") else ()
            message = "No object with this id exists, or you cannot use it here."
            yield ReferenceNotFoundError(message).at("body", name, *place, value=str(pk))


def _common_scope(user: User, rows: Sequence[CatalogEntity], name: str) -> OwnerScope:
    if len({row.scope.key for row in rows}) > 1:
        raise OwnersDifferError(loc=("body", name))
    return _scope(user, rows[0])


def _scope(user: User, row: CatalogEntity) -> OwnerScope:
    """Return the scope the export belongs to: the caller's, where the entity is of no organization.

    Only a superuser exports another user's entities, and then owns the export.
    """
    return OwnerScope(user_id=user.pk, organization_id=row.organization_id)


def _named_configuration(
    user: User, scope: OwnerScope, payload: ExportRequest
) -> ExportConfiguration | None:
    """Return the configuration that the request names, if it names one."""
    entries = payload.export_configuration_id
    if entries is None:
        return None
    rows = ExportConfiguration.objects.linkable_by(user, scope)
    result: ExportConfiguration | None = rows.filter(pk=entries).first()
    if result is None:
        raise ReferenceNotFoundError(
            "No object with this id exists, or you cannot use it here.",
            loc=("body", "export_configuration_id"),
            value=str(entries),
        )
    return result


def _common_configuration(looks: Iterable[Look]) -> ExportConfiguration:
    """Return the one configuration that applies to all looks."""
    configurations = [resolve(look).configuration for look in looks]
    if len({_key(each) for each in configurations}) > 1:
        raise ConfigurationsDifferError(loc=("body", "look_ids"))
    return configurations[-1]


def _key(configuration: ExportConfiguration) -> UUID | None:
    """Return the id of a stored configuration; the system's is the same for all."""
    is_stored = not configuration._state.adding  # noqa: SLF001  Django's documented model state
    return configuration.pk if is_stored else None


def _look_entries(looks: Sequence[Look], known: Values) -> Iterator[ExportEntry]:
    products = {product.pk: product for look in looks for product in look.products.all()}
    of_products = _media_of(list(products.values()))
    of_looks = _media_of(looks)
    for look in looks:
        worn = sorted(look.products.all(), key=_age)
        values: Values = {**known, "look": look.name}
        if look.subject is not None:
            values["subject"] = look.subject.name
        for product in worn:
            yield from _entries(product, of_products, {**_product_values(product), **values})
        only = _product_values(worn[0]) if len(worn) == 1 else {}
        yield from _entries(look, of_looks, {**only, **values})


def _as_many_as_fit(entries: Iterable[ExportEntry]) -> list[ExportEntry]:
    """Return the entries, at most one above the limit, which the export then refuses."""
    return list(islice(entries, MAX_FILES + 1))


def _media_of(rows: Sequence[CatalogEntity]) -> Media:
    """Return what the entities show, or raise TooManyFilesError before any of it is read."""
    ids = [row.pk for row in rows]
    if rows and Attachment.objects.for_entities(rows[0].entity_type, ids).count() > MAX_FILES:
        raise TooManyFilesError(ctx={"limit": MAX_FILES})
    return selectors.media_by_slot(rows)


def _entries(entity: CatalogEntity, media: Media, values: Values) -> Iterator[ExportEntry]:
    slots = media.get(entity.pk, {})
    for slot in SLOTS[entity.entity_type]:
        for attachment in slots.get(slot.name, []):
            values_here = {**values, "shot_type": slot.shot_type}
            yield ExportEntry(resource=attachment.resource, values=values_here)


def _product_values(product: Product) -> Values:
    values = {
        "brand": product.brand,
        "product_sku": product.sku,
        "product_name": product.name,
        "color": product.color,
        "gender": product.gender,
    }
    return {name: value for name, value in values.items() if value}


def _age(row: CatalogEntity) -> tuple[Any, UUID]:
    return row.created_at, row.pk
