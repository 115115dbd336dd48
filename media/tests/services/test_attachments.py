from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.db.models import RestrictedError
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.models import Attachment, MediaResource
from media.services import attachments
from media.storage.testing.memory import MemoryStore
from media.tests.factories import deliver, drain, ingest, photo, upload_file
from sartiq.core.models import new_id

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


@pytest.fixture
def entity_id() -> UUID:
    return new_id()


@pytest.fixture
def attached_elsewhere(memory: MemoryStore, user: User) -> list[MediaResource]:
    """Three resources attached to another entity."""
    return ingest(user, [upload_file(memory, user, photo(number)) for number in range(3)])


def fill(entity_id: UUID, **slots: Sequence[MediaResource]) -> None:
    with transaction.atomic():
        attachments.fill_slots(
            entity_type="PRODUCT", entity_id=entity_id, slots=slots, list_slots=["images"]
        )


def detach(entity_id: UUID, *, entity_type: str = "PRODUCT") -> None:
    with transaction.atomic():
        attachments.detach_entities(entity_type=entity_type, entity_ids=[entity_id])


def attachments_of(entity_id: UUID) -> list[tuple[str, int | None, UUID]]:
    rows = Attachment.objects.for_entities("PRODUCT", [entity_id])
    return list(rows.values_list("slot", "position", "resource_id"))


def in_grace_period(resources: Sequence[MediaResource]) -> list[bool]:
    """Return for each resource whether it will be deleted unless it is attached again."""
    rows = MediaResource.objects.in_bulk([resource.pk for resource in resources])
    return [rows[resource.pk].unattached_at is not None for resource in resources]


@pytest.mark.covers("I06")
def test_a_single_slot_has_no_position_and_a_list_counts_from_zero(
    entity_id: UUID, attached_elsewhere: list[MediaResource]
) -> None:
    first, second, third = attached_elsewhere

    fill(entity_id, cover_image=[first], images=[third, second, first])

    assert attachments_of(entity_id) == [
        ("cover_image", None, first.pk),
        ("images", 0, third.pk),
        ("images", 1, second.pk),
        ("images", 2, first.pk),
    ]


@pytest.mark.covers("I06")
def test_a_list_is_replaced_and_other_slots_stay(
    entity_id: UUID, attached_elsewhere: list[MediaResource]
) -> None:
    first, second, third = attached_elsewhere
    fill(entity_id, cover_image=[first], images=[first, second, third])

    fill(entity_id, images=[third, first])
    fill(entity_id, cover_image=[])

    assert attachments_of(entity_id) == [("images", 0, third.pk), ("images", 1, first.pk)]


@pytest.mark.covers("I05", "L06")
def test_detaching_starts_the_grace_period_and_attaching_ends_it(
    memory: MemoryStore, user: User, entity_id: UUID
) -> None:
    first, second = ingest(
        user,
        [upload_file(memory, user, photo(1)), upload_file(memory, user, photo(2))],
        entity_id=entity_id,
    )
    assert in_grace_period([first, second]) == [False, False]

    fill(entity_id, images=[second])
    assert in_grace_period([first, second]) == [True, False]

    fill(entity_id, images=[second], cover_image=[first])
    assert in_grace_period([first, second]) == [False, False]

    detach(entity_id)
    assert in_grace_period([first, second]) == [True, True]
    assert attachments_of(entity_id) == []


def test_a_resource_attached_to_another_entity_has_no_grace_period(
    entity_id: UUID, attached_elsewhere: list[MediaResource]
) -> None:
    fill(entity_id, images=attached_elsewhere)

    detach(entity_id)

    assert in_grace_period(attached_elsewhere) == [False, False, False]


def test_detaching_does_not_restart_the_grace_period_of_other_resources(
    memory: MemoryStore, user: User, entity_id: UUID, attached_elsewhere: list[MediaResource]
) -> None:
    other_user = UserFactory.create()
    (orphan,) = ingest(other_user, [upload_file(memory, other_user, photo(9))])
    Attachment.objects.filter(resource=orphan).delete()
    yesterday = timezone.now() - timedelta(days=1)
    MediaResource.objects.filter(pk=orphan.pk).update(unattached_at=yesterday)
    before = MediaResource.objects.filter(pk=orphan.pk).values().get()
    fill(entity_id, images=attached_elsewhere)

    detach(entity_id)
    fill(entity_id, images=attached_elsewhere)
    fill(entity_id, images=[])

    assert MediaResource.objects.filter(pk=orphan.pk).values().get() == before


def test_entities_of_another_type_are_not_touched(
    entity_id: UUID, attached_elsewhere: list[MediaResource]
) -> None:
    fill(entity_id, images=attached_elsewhere)

    detach(entity_id, entity_type="LOOK")

    assert len(attachments_of(entity_id)) == 3


@pytest.mark.covers("F25")
def test_a_slot_replaced_while_its_file_is_pending_has_the_newest_file(
    memory: MemoryStore, user: User, entity_id: UUID
) -> None:
    (older_resource,) = ingest(user, [upload_file(memory, user, photo(1))], entity_id=entity_id)
    (newer_resource,) = ingest(user, [upload_file(memory, user, photo(2))], entity_id=entity_id)

    assert deliver(newer_resource).status == "READY"
    assert deliver(older_resource).status == "READY"

    assert attachments_of(entity_id) == [("images", 0, newer_resource.pk)]
    assert in_grace_period([older_resource, newer_resource]) == [True, False]
    drain()
    assert memory.keys("temp/") == []


@pytest.mark.covers("I06", "I04")
def test_the_database_refuses_a_second_file_in_one_slot(
    entity_id: UUID, attached_elsewhere: list[MediaResource]
) -> None:
    fill(entity_id, cover_image=[attached_elsewhere[0]])
    same_slot = {"entity_type": "PRODUCT", "entity_id": entity_id, "slot": "cover_image"}

    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.create(resource=attached_elsewhere[1], position=None, **same_slot)


@pytest.mark.covers("F23", "I08")
def test_the_database_refuses_to_delete_an_attached_resource(
    attached_elsewhere: list[MediaResource],
) -> None:
    with pytest.raises(RestrictedError):
        MediaResource.objects.get(pk=attached_elsewhere[0].pk).delete()
