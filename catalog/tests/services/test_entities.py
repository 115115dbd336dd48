"""Concurrent changes of the same entities, each with its own database connection."""

from functools import partial
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory
from catalog.errors import EntityNotFoundError, ReferenceGoneError, SkuTakenError
from catalog.models import Look, Product, Subject
from catalog.services import entities
from catalog.services.entities import Changes, Entity
from media.models import Attachment, MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, upload_file
from media.tests.threads import at_once, deadlocks, meanwhile
from sartiq.core.contention import retry_on_contention

pytestmark = pytest.mark.django_db(transaction=True)


def scope(user: User) -> OwnerScope:
    return OwnerScope(user_id=user.pk)


def create_entity(model: type[Entity], **arguments: Any) -> Entity:
    for attempt in retry_on_contention():
        with attempt, entities.creating(model, **arguments) as entity:
            pass
    return entity


def create(user: User, **media: list[str]) -> Product:
    changes = Changes(values={"name": "Shoe"}, media=media)
    return create_entity(Product, user=user, scope=scope(user), changes=changes)


def change(user: User, product: Product, **media: list[str]) -> Product:
    return entities.update(Product, user=user, entity_id=product.pk, changes=Changes(media=media))


def outcome(call: Any) -> str:
    try:
        call()
    except (SkuTakenError, EntityNotFoundError) as error:
        return type(error).__name__
    return "done"


def test_concurrent_changes_of_different_fields_are_both_saved(
    memory: MemoryStore, user: User
) -> None:
    product = create(user)
    url = upload_file(memory, user)

    row = Product.objects.filter(pk=product.pk)

    meanwhile(memory, "head", lambda: row.update(brand="Sartiq", updated_at=Now()))
    entities.update(
        Product,
        user=user,
        entity_id=product.pk,
        changes=Changes(values={"color": "black"}, media={"cover_image": [url]}),
    )

    product.refresh_from_db()
    assert (product.brand, product.color) == ("Sartiq", "black")


@pytest.mark.covers("F24", "I05")
def test_an_entity_deleted_concurrently_is_not_restored(memory: MemoryStore, user: User) -> None:
    product = create(user)
    url = upload_file(memory, user)

    meanwhile(memory, "head", Product.objects.filter(pk=product.pk).delete)
    with pytest.raises(EntityNotFoundError):
        change(user, product, images=[url])

    assert not Product.objects.exists()
    assert not Attachment.objects.exists()
    assert not MediaResource.objects.exists()


@pytest.mark.covers("F25", "I06", "I04", "L06")
def test_concurrent_replacements_of_a_list_leave_one_of_them(
    memory: MemoryStore, user: User
) -> None:
    product = create(user)
    lists = [[upload_file(memory, user, photo(3 * n + m)) for m in range(3)] for n in range(8)]

    at_once([partial(change, user, product, images=urls) for urls in lists])

    attachments = list(
        Attachment.objects.for_entities("PRODUCT", [product.pk]).select_related("resource")
    )
    assert [attachment.position for attachment in attachments] == [0, 1, 2]
    uploads = [attachment.resource.storage_key for attachment in attachments]
    assert uploads in [[url.split("/", 4)[4] for url in urls] for urls in lists]
    assert MediaResource.objects.filter(unattached_at__isnull=True).count() == 3


@pytest.mark.covers("F12", "F24", "L06")
def test_changing_and_deleting_concurrently_is_all_or_nothing(
    memory: MemoryStore, user: User
) -> None:
    urls = [upload_file(memory, user, photo(number)) for number in range(4)]
    before = deadlocks()
    for round_number in range(4):
        products = [create(user, images=urls[start:] + urls[:start]) for start in range(4)]
        calls = [
            partial(
                outcome,
                partial(change, user, product, images=[urls[(round_number + index) % 4]]),
            )
            for index, product in enumerate(products)
        ] + [
            partial(outcome, partial(entities.delete, Product, user=user, entity_id=product.pk))
            for product in products[:3]
        ]

        outcomes = at_once(calls)

        assert set(outcomes[4:]) == {"done"}
        assert set(outcomes) <= {"done", "EntityNotFoundError"}
        assert list(Product.objects.values_list("pk", flat=True)) == [products[3].pk]
        attachment = Attachment.objects.of_live_entities().get()
        assert (attachment.entity_id, attachment.position) == (products[3].pk, 0)
        for product in products[:3]:
            attachment_count = Attachment.objects.for_entities("PRODUCT", [product.pk]).count()
            assert attachment_count in {1, 4}  # changed before it was deleted, or not at all
        attached_rows = MediaResource.objects.filter(attachments__isnull=False)
        assert not attached_rows.filter(unattached_at__isnull=False).exists()
        entities.delete(Product, user=user, entity_id=products[3].pk)
    assert deadlocks() == before


def test_concurrent_creations_with_one_sku_create_one_product(
    memory: MemoryStore, user: User
) -> None:
    changes = Changes(values={"name": "Shoe", "sku": "A-1"})
    call = partial(create_entity, Product, user=user, scope=scope(user), changes=changes)

    outcomes = at_once([partial(outcome, call)] * 8)

    assert sorted(outcomes) == ["SkuTakenError"] * 7 + ["done"]


def test_concurrent_subjects_with_one_name_get_different_slugs(
    memory: MemoryStore, user: User
) -> None:
    changes = Changes(values={"name": "Ada"})
    call = partial(create_entity, Subject, user=user, scope=scope(user), changes=changes)

    at_once([call] * 8)

    slugs = sorted(Subject.objects.values_list("slug", flat=True))
    assert slugs == ["ada", *(f"ada-{number}" for number in range(2, 9))]


def test_a_link_deleted_concurrently_is_a_conflict(memory: MemoryStore, user: User) -> None:
    product, url = create(user), upload_file(memory, user)

    meanwhile(memory, "head", Product.objects.filter(pk=product.pk).delete)
    changes = Changes(
        values={"name": "Look"},
        links={"products": [product.pk]},
        media={"reference_images": [url]},
    )
    with pytest.raises(ReferenceGoneError):
        create_entity(Look, user=user, scope=scope(user), changes=changes)

    assert not Look.objects.exists()
    assert not MediaResource.objects.exists()


def test_a_file_added_by_a_member_belongs_to_that_member(memory: MemoryStore, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    member = MembershipFactory.create(organization=organization).user
    scope = OwnerScope(user_id=user.pk, organization_id=organization.pk)
    changes = Changes(values={"name": "Shoe"})
    product = create_entity(Product, user=user, scope=scope, changes=changes)

    change(member, product, images=[upload_file(memory, member)])

    resource = MediaResource.objects.get()
    assert (resource.user_id, resource.organization_id) == (member.pk, organization.pk)
