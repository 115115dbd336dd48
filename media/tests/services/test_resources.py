from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import MembershipFactory, UserFactory
from media import selectors
from media.errors import MediaResourceNotFoundError
from media.models import MediaResource
from media.rules import keys
from media.selectors import public_url
from media.services import resources
from media.storage.testing.memory import MemoryStore
from media.tests.factories import deliver, ingest, photo, ready_resource, upload_file
from sartiq.core.errors import NotPermittedError

pytestmark = pytest.mark.django_db

METADATA: dict[str, Any] = {
    "color_profile": "Adobe RGB",
    "duration": 1.5,
    "dominant_color": "#010203",
    "width": 10,
    "height": 20,
    "alt_text": "A shoe",
    "caption": "Our shoe",
}


def test_a_measurement_is_stored_only_where_none_is_known(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)
    known_values = {name: getattr(resource, name) for name in ("dominant_color", "width", "height")}

    updated_resource = resources.update_metadata(
        user=user, resource_id=resource.pk, values=METADATA
    )

    assert {name: getattr(updated_resource, name) for name in METADATA} == METADATA | known_values
    second_update = resources.update_metadata(
        user=user, resource_id=resource.pk, values=dict.fromkeys(METADATA) | {"duration": 9.0}
    )
    assert (second_update.color_profile, second_update.duration, second_update.width) == (
        "Adobe RGB",
        1.5,
        known_values["width"],
    )


@pytest.mark.parametrize("second_text", ["Another shoe", "", None])
@pytest.mark.parametrize("name", ["alt_text", "caption"])
def test_a_text_is_stored_as_sent(
    memory: MemoryStore, user: User, name: str, second_text: str | None
) -> None:
    resource = ready_resource(memory, user)
    resources.update_metadata(user=user, resource_id=resource.pk, values=METADATA)

    updated_resource = resources.update_metadata(
        user=user, resource_id=resource.pk, values={name: second_text}
    )

    texts = {"alt_text": "A shoe", "caption": "Our shoe"}
    assert {field: getattr(updated_resource, field) for field in texts} == texts | {
        name: second_text
    }


@pytest.mark.covers("T41")
def test_other_fields_cannot_be_changed(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)
    before = MediaResource.objects.filter(pk=resource.pk).values().get()

    resources.update_metadata(
        user=user,
        resource_id=resource.pk,
        values={"protected": True, "status": "FAILED", "etag": "x"},
    )

    assert MediaResource.objects.filter(pk=resource.pk).values().get() == before


@pytest.mark.covers("I13")
def test_another_owners_resource_is_not_found(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)

    with pytest.raises(MediaResourceNotFoundError):
        resources.update_metadata(
            user=UserFactory.create(), resource_id=resource.pk, values=METADATA
        )


def test_any_member_may_change_the_organizations_resources(memory: MemoryStore, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    (resource,) = ingest(user, [upload_file(memory, user)], organization_id=organization.pk)
    colleague = MembershipFactory.create(organization=organization).user

    updated_resource = resources.update_metadata(
        user=colleague, resource_id=resource.pk, values={"caption": "C"}
    )

    assert updated_resource.caption == "C"


@pytest.mark.covers("L01")
def test_heal_queues_every_failed_resource(
    memory: MemoryStore, user: User, superuser: User
) -> None:
    failed_resources = ingest(
        user, [upload_file(memory, user, photo(number)) for number in range(3)]
    )
    rows = MediaResource.objects.filter(pk__in=[failed_resources[0].pk, failed_resources[1].pk])
    rows.update(status="FAILED", failure_code="attempts_exhausted", attempts=6)

    with pytest.raises(NotPermittedError):
        resources.heal(user=user)
    assert not rows.exclude(status="FAILED").exists()
    assert resources.heal(user=superuser) == 3

    assert list(rows.values_list("status", "failure_code", "attempts")) == [("PENDING", "", 0)] * 2
    assert [deliver(resource).status for resource in failed_resources] == ["READY"] * 3


def test_heal_begins_with_the_oldest_attempt(
    memory: MemoryStore, user: User, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_resources = ingest(
        user, [upload_file(memory, user, photo(number)) for number in range(3)]
    )
    for age, resource in enumerate(failed_resources):
        MediaResource.objects.filter(pk=resource.pk).update(
            status="FAILED",
            failure_code="attempts_exhausted",
            updated_at=timezone.now() - timedelta(hours=age),
        )
    monkeypatch.setattr(resources, "HEAL_BATCH_SIZE", 2)

    assert resources.heal(user=superuser) == 2

    assert list(MediaResource.objects.filter(status="FAILED")) == [failed_resources[0]]


@pytest.mark.covers("T40")
def test_a_resource_copied_from_another_owner_does_not_show_their_url(
    memory: MemoryStore, user: User
) -> None:
    source_resource = ready_resource(memory, user)
    organization = MembershipFactory.create(user=user).organization

    url = public_url(keys.canonical_key(source_resource.pk, source_resource.extension))
    (copied_resource,) = ingest(user, [url], organization_id=organization.pk)

    assert copied_resource.pk != source_resource.pk
    assert (copied_resource.status, selectors.resource_url(copied_resource)) == ("PENDING", None)
    assert selectors.resource_url(deliver(copied_resource)) == public_url(
        keys.canonical_key(copied_resource.pk, copied_resource.extension)
    )
