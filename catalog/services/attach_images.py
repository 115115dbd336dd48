"""Giving many products their pictures at once: what a request does for one, for a batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models.functions import Now

from accounts.models import OwnerScope, User
from catalog.models import Product
from catalog.rules.slots import EntityType, list_slots
from catalog.services.entities import MediaUrls
from media.models import MediaResource
from media.services import attachments
from media.services.ingest.service import MediaResourceService, Wanted
from media.storage import public_store

Shown = Mapping[UUID, MediaUrls]
Choose = Callable[[set[UUID]], Shown]
Then = Callable[[Mapping[str, MediaResource]], None]


@dataclass(kw_only=True)
class _Batch:
    """What is written once the files are known; runs inside the transaction of the ingest."""

    scope: OwnerScope
    product_ids: set[UUID]
    choose: Choose
    then: Then
    shown: Shown = field(init=False)

    def hold(self) -> set[UUID]:
        """Lock the products and return the resources they may stop showing."""
        mine = Product.objects.in_scope(self.scope).filter(pk__in=self.product_ids)
        # By SKU, as an import locks them.
        locked = mine.select_for_update(of=("self",), no_key=True).order_by("sku", "pk")
        self.shown = self.choose(set(locked.values_list("pk", flat=True)))
        return attachments.attached_resource_ids_of_entities(
            entity_type=EntityType.PRODUCT, slots=self.shown
        )

    def attach(self, resources: Mapping[str, MediaResource]) -> None:
        """Fill the slots that are still wanted; a file that none of them wants is an orphan."""
        shown = {url for media in self.shown.values() for urls in media.values() for url in urls}
        attachments.fill_many(
            entity_type=EntityType.PRODUCT,
            slots={
                product_id: {slot: [resources[url] for url in urls] for slot, urls in media.items()}
                for product_id, media in self.shown.items()
            },
            list_slots=list_slots(EntityType.PRODUCT),
        )
        left = {each.pk for each in resources.values()} - {resources[url].pk for url in shown}
        attachments.start_grace(left)
        Product.objects.filter(pk__in=list(self.shown)).update(updated_at=Now())
        self.then(resources)


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
    batch = _Batch(scope=scope, product_ids=product_ids, choose=choose, then=then)
    MediaResourceService(public_store()).ingest_all(
        user=user,
        scope=scope,
        wanted=[Wanted(loc=("body", index), url=url) for index, url in enumerate(urls)],
        hold=batch.hold,
        attach=batch.attach,
    )
