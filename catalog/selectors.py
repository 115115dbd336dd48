from collections.abc import Iterable
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import ForeignKey, ManyToManyField, QuerySet

from accounts.models import OwnerScope, TrashModel, User
from catalog.errors import EntityNotFoundError
from catalog.models import (
    CatalogEntity,
)
from catalog.rules.identifiers import SKU_SEPARATORS
from media.models import Attachment
from media.selectors import media_of

Entity = TypeVar("Entity", bound=CatalogEntity)

# Spelled like the index, or PostgreSQL does not use it.
SKU_KEY: Final = f"translate(lower(product.sku), '{SKU_SEPARATORS}', '')"
# The last condition makes PostgreSQL read the index for all keys at once; the join alone may read
# every product of the owner.
PRODUCTS_BY_SKU_KEY: Final = f"""
WITH lookup AS MATERIALIZED (
    SELECT text, translate(lower(text), '{SKU_SEPARATORS}', '') AS key
    FROM unnest(%(texts)s::text[]) AS text
)
SELECT lookup.text, product.id, product.sku
FROM catalog_product product JOIN lookup ON lookup.key = {SKU_KEY}
WHERE {{owner}} AND product.deleted_at IS NULL AND {SKU_KEY} = ANY(ARRAY(SELECT key FROM lookup))
ORDER BY product.created_at, product.id
"""  # noqa: S608  constants only
OF_ORGANIZATION: Final = PRODUCTS_BY_SKU_KEY.format(owner="product.organization_id = %(owner)s")
OF_USER: Final = PRODUCTS_BY_SKU_KEY.format(
    owner="product.user_id = %(owner)s AND product.organization_id IS NULL"
)


def in_scope(model: type[Entity], scope: OwnerScope, *, deleted: bool = False) -> QuerySet[Entity]:
    """Return one owner's entities, or its deleted ones, with their links, oldest first."""
    return _with_links(_rows(model, deleted=deleted).in_scope(scope))


def visible_to(model: type[Entity], user: User, *, deleted: bool = False) -> QuerySet[Entity]:
    """Return all entities the caller may see, or the deleted ones, with links, oldest first."""
    return _with_links(_rows(model, deleted=deleted).visible_to(user))


def get_visible(
    model: type[Entity], user: User, entity_id: UUID, *, deleted: bool = False
) -> Entity:
    """Return one entity; raises EntityNotFoundError if the caller may not see it."""
    rows = visible_to(model, user, deleted=deleted)
    return _require_found(model, rows.filter(pk=entity_id).first())


def get_locked(model: type[Entity], user: User, entity_id: UUID) -> Entity:
    """Return one entity, locked until the transaction ends."""
    rows = visible_to(model, user).filter(pk=entity_id)
    return _require_found(model, rows.select_for_update(of=("self",), no_key=True).first())


def media_by_slot(entities: Iterable[Entity]) -> dict[UUID, dict[str, list[Attachment]]]:
    """Return the attachments of entities of one kind by entity and slot, in one query."""
    rows = list(entities)
    if not rows:
        return {}
    attachments_by_entity: dict[UUID, dict[str, list[Attachment]]] = {}
    for entity_id, attachments in media_of(rows[0].entity_type, [row.pk for row in rows]).items():
        slots = attachments_by_entity.setdefault(entity_id, {})
        for attachment in attachments:
            slots.setdefault(attachment.slot, []).append(attachment)
    return attachments_by_entity


def products_by_sku_key(
    scope: OwnerScope, texts: Iterable[str]
) -> dict[str, list[tuple[UUID, str]]]:
    """Return one owner's products with the SKU key of each text: their ids and SKUs, in one query.

    Texts without products are left out. The database compares, as its idea of lower case is not
    Python's for all letters.
    """
    products: dict[str, list[tuple[UUID, str]]] = {}
    distinct = sorted({text for text in texts if text})
    if distinct:
        statement = OF_ORGANIZATION if scope.organization_id else OF_USER
        with connection.cursor() as cursor:
            cursor.execute(statement, {"texts": distinct, "owner": scope.key[1]})
            for text, product_id, sku in cursor.fetchall():
                products.setdefault(text, []).append((product_id, sku))
    return products


def not_found(model: type[CatalogEntity]) -> EntityNotFoundError:
    """Return the error for an entity that does not exist for the caller."""
    name = str(model._meta.verbose_name).capitalize()  # noqa: SLF001  Django's own API
    return EntityNotFoundError(f"{name} not found")


def _require_found(model: type[Entity], entity: Entity | None) -> Entity:
    if entity is None:
        raise not_found(model)
    return entity


def _rows(model: type[Entity], *, deleted: bool) -> Any:
    return model.with_deleted.in_trash() if deleted else model.objects


def _with_links(rows: QuerySet[Entity]) -> QuerySet[Entity]:
    """Return the rows, oldest first, with their links; references too, which may be deleted."""
    fields = rows.model._meta.get_fields()  # noqa: SLF001  Django's own API
    links = [field.name for field in fields if isinstance(field, ManyToManyField)]
    references = [
        field.name
        for field in fields
        if isinstance(field, ForeignKey) and issubclass(field.related_model, TrashModel)
    ]
    if references:
        rows = rows.select_related(*references)
    return rows.prefetch_related(*links).order_by("created_at", "id")
