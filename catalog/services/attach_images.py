"""Giving many products their pictures at once: what a request does for one, for a batch."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import OwnerScope, User
from catalog.models import Product
from catalog.rules.slots import EntityType, list_slots
from catalog.services.entities import MediaUrls
from media.models import MediaResource
from media.services import attachments
from media.services.ingest.claim import Resources, claim_all
from media.services.ingest.resolve import Wanted
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from sartiq.core.contention import retry_on_contention

Shown = Mapping[UUID, MediaUrls]
Choose = Callable[[set[UUID]], Shown]
Then = Callable[[Mapping[str, MediaResource]], None]


def show(
    *,
    user: User,
    scope: OwnerScope,
    product_ids: set[UUID],
    urls: Sequence[str],
    choose: Choose,
    then: Then,
) -> None:
    """Take files in, all or none, and show them in products of one owner.

    `choose` is called in the writing transaction with those of the products that are still there,
    their rows locked, and returns what each of their slots shall show, out of `urls`; `then` is
    called with the resource of each URL before it commits. Raises what `ingest_all` raises; an
    issue's `loc` ends with the place in `urls`.
    """
    ingest = MediaResourceService(public_store())
    wanted = [Wanted(loc=("body", index), url=url) for index, url in enumerate(urls)]
    for attempt in retry_on_contention():
        with attempt:
            checked = ingest.check(user=user, scope=scope, wanted=wanted)
            with transaction.atomic():
                shown = choose(lock_products(scope, product_ids))
                resources = claim_all(checked, releasing=attached_resource_ids(shown))
                fill_slots(shown, resources)
                then(resources)


def lock_products(scope: OwnerScope, product_ids: set[UUID]) -> set[UUID]:
    """Lock products of one owner; return the ids of those that exist."""
    rows = Product.objects.in_scope(scope).filter(pk__in=product_ids)
    # By SKU, as an import locks them.
    locked = rows.select_for_update(of=("self",), no_key=True).order_by("sku", "pk")
    return set(locked.values_list("pk", flat=True))


def attached_resource_ids(slots: Mapping[UUID, MediaUrls]) -> set[UUID]:
    """Return the ids of the resources that these slots of products hold now."""
    return attachments.attached_resource_ids_of_entities(
        entity_type=EntityType.PRODUCT, slots=slots
    )


def fill_slots(slots: Mapping[UUID, MediaUrls], resources: Resources) -> None:
    """Attach to each slot of each locked product the resources of its URLs.

    The grace period of resources that no slot holds starts.
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
