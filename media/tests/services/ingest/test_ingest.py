"""Ingest creates one resource for each content and owner, for all files of a request or none."""

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import MembershipFactory, UserFactory
from media.models import (
    Attachment,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
    UploadState,
)
from media.rules import limits
from media.services.cleanup import orphaned_media
from media.storage.testing.memory import MemoryStore
from media.tests.factories import (
    counts,
    deliver,
    drain,
    ingest,
    key_of,
    originals,
    photo,
    ready_resource,
    upload_file,
    upload_of,
)
from media.tests.stores import CollidingStore
from sartiq.core.errors import InvalidValuesError

pytestmark = pytest.mark.django_db


def refusals(error: pytest.ExceptionInfo[InvalidValuesError]) -> list[tuple[object, str]]:
    return [(issue.loc[-1], issue.code) for issue in error.value.issues]


# --- One resource for each content and owner ----------------------------------------------------
def test_one_photo_with_two_names_is_one_resource_with_two_attachments(
    memory: MemoryStore, user: User
) -> None:
    first = upload_file(memory, user, photo(1), filename="front.png")
    (resources,) = ingest(user, [first])
    second = upload_file(memory, user, photo(1), filename="back.png")

    (second_resource,) = ingest(user, [second])

    assert second_resource.pk == resources.pk
    assert Attachment.objects.filter(resource=resources).count() == 2
    drain()
    resources.refresh_from_db()
    assert resources.status == ResourceStatus.READY
    assert originals(memory) == [resources.storage_key]
    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.CONSUMED}


def test_a_photo_that_is_already_ready_is_not_copied(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user, photo(1))
    copied_keys = []
    memory.before = lambda operation, key: copied_keys.append(key) if operation == "copy" else None
    second = upload_file(memory, user, photo(1))

    (second_resource,) = ingest(user, [second])

    assert second_resource.pk == resource.pk
    assert upload_of(second).state == UploadState.CONSUMED
    assert ObjectDeletion.objects.get().reason == DeletionReason.DEDUPLICATED
    drain()
    assert (copied_keys, originals(memory)) == ([], [resource.storage_key])


def test_the_same_photo_twice_in_one_request_is_one_resource(
    memory: MemoryStore, user: User
) -> None:
    urls = [
        upload_file(memory, user, photo(1)),
        upload_file(memory, user, photo(1)),
        upload_file(memory, user, photo(2)),
    ]

    resources = ingest(user, [*urls, urls[0]])

    assert [resource.pk for resource in resources] == [
        resources[0].pk,
        resources[0].pk,
        resources[2].pk,
        resources[0].pk,
    ]
    assert MediaResource.objects.count() == 2
    drain()
    assert originals(memory) == sorted(
        {resource.pk: f"media/{resource.pk}/file.png" for resource in resources}.values()
    )


@pytest.mark.covers("T39", "I03")
def test_two_owners_never_share_a_resource(memory: MemoryStore, user: User) -> None:
    other_user = UserFactory.create()
    own_resource = ready_resource(memory, user, photo(1))
    other_resource = ready_resource(memory, other_user, photo(1))

    assert own_resource.pk != other_resource.pk
    assert own_resource.content_hash == other_resource.content_hash

    Attachment.objects.filter(resource=own_resource).delete()
    MediaResource.objects.filter(pk=own_resource.pk).update(
        unattached_at=timezone.now() - 2 * limits.UNATTACHED_GRACE
    )
    orphaned_media.discard(execute=True)
    drain()

    assert originals(memory) == [other_resource.storage_key]
    assert memory.body(other_resource.storage_key) == photo(1)
    assert MediaResource.objects.get() == other_resource


@pytest.mark.covers("T39")
def test_an_organization_and_its_member_are_two_owners(memory: MemoryStore, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    (personal_resource,) = ingest(user, [upload_file(memory, user, photo(1))])

    (shared_resource,) = ingest(
        user, [upload_file(memory, user, photo(1))], organization_id=organization.pk
    )

    assert personal_resource.pk != shared_resource.pk
    assert (personal_resource.organization_id, shared_resource.organization_id) == (
        None,
        organization.pk,
    )
    assert shared_resource.user_id == user.pk


@pytest.mark.covers("T38")
def test_colliding_files_stay_two_resources(colliding_store: CollidingStore, user: User) -> None:
    first = ready_resource(colliding_store, user, photo(1))
    second = ready_resource(colliding_store, user, photo(2))

    assert first.pk != second.pk
    assert first.etag == second.etag
    assert colliding_store.body(first.storage_key) == photo(1)
    assert colliding_store.body(second.storage_key) == photo(2)


# --- The same upload again ------------------------------------------------------------------------
@pytest.mark.covers("T07", "F40")
@pytest.mark.parametrize("drained", [False, True])
def test_an_upload_ingested_again_is_the_same_resource(
    memory: MemoryStore, user: User, *, drained: bool
) -> None:
    url = upload_file(memory, user)
    (first,) = ingest(user, [url])
    if drained:
        drain()

    (second,) = ingest(user, [url])

    assert second.pk == first.pk
    assert MediaResource.objects.count() == 1
    assert upload_of(url).state == (UploadState.CONSUMED if drained else UploadState.CLAIMED)


@pytest.mark.covers("I10")
@pytest.mark.parametrize("drained", [False, True])
def test_an_upload_ingested_into_another_scope_is_copied(
    memory: MemoryStore, user: User, *, drained: bool
) -> None:
    organization = MembershipFactory.create(user=user).organization
    url = upload_file(memory, user)
    (first,) = ingest(user, [url])
    if drained:
        drain()
        assert not memory.keys("temp/")

    (second,) = ingest(user, [url], organization_id=organization.pk)

    assert second.pk != first.pk
    assert (second.copied_from_id, second.organization_id) == (first.pk, organization.pk)
    drain()
    drain()
    second.refresh_from_db()
    assert second.status == ResourceStatus.READY
    assert memory.body(second.storage_key) == photo()
    assert upload_of(url).resource_id == first.pk
    assert originals(memory) == sorted(
        [f"media/{first.pk}/file.png", f"media/{second.pk}/file.png"]
    )


def test_another_scope_has_its_own_deduplication(memory: MemoryStore, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    url = upload_file(memory, user)
    ingest(user, [url])
    (organizations_resource,) = ingest(
        user, [upload_file(memory, user)], organization_id=organization.pk
    )

    (second_resource,) = ingest(user, [url], organization_id=organization.pk)

    assert second_resource.pk == organizations_resource.pk
    assert MediaResource.objects.count() == 2


def test_the_temporary_object_stays_while_a_copy_for_another_scope_needs_it(
    memory: MemoryStore, user: User
) -> None:
    organization = MembershipFactory.create(user=user).organization
    url = upload_file(memory, user)
    (first,) = ingest(user, [url])
    (second,) = ingest(user, [url], organization_id=organization.pk)

    deliver(first)
    drain(times=0)
    assert ObjectDeletion.objects.get().key == key_of(url)
    assert second.storage_key == key_of(url)

    assert deliver(second).status == ResourceStatus.READY
    drain()
    assert not memory.keys("temp/")


@pytest.mark.covers("T06", "I10", "I14")
def test_another_users_upload_is_not_found(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, UserFactory.create())
    before = counts()

    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [url])

    assert refusals(excinfo) == [(0, "file_not_found")]
    assert counts() == before
    assert originals(memory) == [key_of(url)]


def test_a_colleague_may_ingest_an_upload_for_the_organization(
    memory: MemoryStore, user: User
) -> None:
    organization = MembershipFactory.create(user=user).organization
    colleague = MembershipFactory.create(organization=organization).user
    url = upload_file(memory, colleague, organization_id=organization.pk)

    (resource,) = ingest(user, [url], organization_id=organization.pk)

    assert (resource.user_id, resource.organization_id) == (user.pk, organization.pk)


def test_a_superuser_may_ingest_uploads_only_of_the_organization_they_act_in(
    memory: MemoryStore, user: User
) -> None:
    staff = UserFactory.create(superuser=True)
    organization = MembershipFactory.create(user=user).organization
    url = upload_file(memory, user, organization_id=organization.pk)
    other_organization = MembershipFactory.create(user=user).organization

    for other_organization_id in (None, other_organization.pk):
        with pytest.raises(InvalidValuesError) as excinfo:
            ingest(staff, [url], organization_id=other_organization_id)
        assert refusals(excinfo) == [(0, "file_not_found")]
    (resource,) = ingest(staff, [url], organization_id=organization.pk)

    assert (resource.user_id, resource.organization_id) == (staff.pk, organization.pk)


def test_a_canonical_url_of_the_callers_own_resource_is_accepted(
    memory: MemoryStore, user: User
) -> None:
    resource = ready_resource(memory, user)
    (second_resource,) = ingest(user, [f"{settings.CDN_URL}/{resource.storage_key}"])

    assert second_resource.pk == resource.pk
    assert MediaResource.objects.count() == 1


def test_a_failed_upload_can_be_ingested_again_while_its_object_exists(
    memory: MemoryStore, user: User
) -> None:
    url = upload_file(memory, user)
    (first,) = ingest(user, [url])
    MediaResource.objects.filter(pk=first.pk).update(status="FAILED", failure_code="decode_limit")

    (second,) = ingest(user, [url])

    assert second.pk != first.pk
    assert upload_of(url).resource_id == second.pk
    assert deliver(second).status == ResourceStatus.READY
    first.refresh_from_db()
    assert first.status == ResourceStatus.FAILED
