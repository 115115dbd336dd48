"""Attachment of the images of many products in one transaction."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models.functions import Now

from accounts.models import OwnerScope
from catalog.models import Product
from catalog.rules.slots import EntityType, list_slots
from catalog.services.entities import MediaUrls
from media.services import attachments
from media.services.ingest.claim import ResourcesByUrl


def lock_products(scope: OwnerScope, product_ids: set[UUID]) -> set[UUID]:
    """Lock products of one owner; return the ids of those that exist."""
    rows = Product.objects.in_scope(scope).filter(pk__in=product_ids)
    # In the order of SKUs, as an import locks them.
    locked = rows.select_for_update(of=("self",), no_key=True).order_by("sku", "pk")
    return set(locked.values_list("pk", flat=True))


def attached_resource_ids(slots: Mapping[UUID, MediaUrls]) -> set[UUID]:
    """Return the ids of the resources currently attached to these slots of products."""
    return attachments.attached_resource_ids_of_entities(
        entity_type=EntityType.PRODUCT, slots=slots
    )


def fill_slots(slots: Mapping[UUID, MediaUrls], resources: ResourcesByUrl) -> None:
    """Attach the resources of the URLs to the slots of the locked products.

    For resources that are attached to no slot the grace period before deletion starts.
    """
    attachments.fill_many(
        entity_type=EntityType.PRODUCT,
        slots={
            product_id: {slot: [resources[url] for url in urls] for slot, urls in media.items()}
            for product_id, media in slots.items()
        },
        list_slots=list_slots(EntityType.PRODUCT),
    )
    attached = {url for media in slots.values() for urls in media.values() for url in urls}
    unused = {row.pk for row in resources.values()} - {resources[url].pk for url in attached}
    attachments.start_grace(unused)
    Product.objects.filter(pk__in=list(slots)).update(updated_at=Now())
