"""The timeline of a resource, and the events of cleanups and dead letters."""

import pytest

from accounts.models import User
from media.models import Bucket, DeletionReason, MediaResource, ObjectDeletion
from media.services import failed_deletions, resources, trash
from media.services.cleanup import orphaned_media
from media.storage.testing.memory import MemoryStore
from media.tests.factories import deliver, ingest, key_of, upload_file
from media.tests.services.deletion import aged_rows
from sartiq.core.models import Event


def actions_of(resource: MediaResource) -> list[str]:
    rows = Event.objects.filter(object_id=resource.pk).order_by("created_at")
    return list(rows.values_list("action", flat=True))


def test_a_resource_is_created_and_becomes_ready(memory: MemoryStore, user: User) -> None:
    [resource] = ingest(user, [upload_file(memory, user)])
    deliver(resource)
    [second_resource] = ingest(user, [upload_file(memory, user)])

    assert second_resource == resource
    assert actions_of(resource) == ["media_resource.created", "media_resource.ready"]
    assert set(Event.objects.values_list("user_id", "organization_id")) == {(user.pk, None)}


def test_a_failure_and_its_retry_say_why(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user)
    [resource] = ingest(user, [url])
    memory.delete_many([key_of(url)])
    failed_resource = deliver(resource)

    assert resources.retry(failed_resource)

    assert actions_of(resource) == [
        *("media_resource.created", "media_resource.failed", "media_resource.retried")
    ]
    codes = {event.details.get("code") for event in Event.objects.all()}
    assert codes == {None, failed_resource.failure_code}


def test_staff_protect_and_discard(memory: MemoryStore, user: User) -> None:
    resource, other_resource = aged_rows.resource(user), aged_rows.resource(user)

    for protected in (True, True, False):
        resources.update_as_staff(
            resource_id=resource.pk, values={"protected": protected, "alt_text": "A shoe"}
        )
    trash.delete_as_staff(resource_id=resource.pk)

    changes = [*("media_resource.updated",) * 3, "media_resource.deleted"]
    protections = ["media_resource.protected", "media_resource.unprotected"]
    assert sorted(actions_of(resource)) == sorted([*changes, *protections])
    assert actions_of(other_resource) == []


def test_a_cleanup_has_one_event_and_one_for_each_resource(memory: MemoryStore, user: User) -> None:
    orphans = [aged_rows.resource(user) for _ in range(3)]
    protected_resource = aged_rows.resource(user, protected=True)

    with aged_rows.in_memory():
        orphaned_media.discard(execute=True)
        orphaned_media.discard(execute=True)

    for orphan in orphans:
        assert actions_of(orphan) == ["media_resource.discarded"]
    assert actions_of(protected_resource) == []
    [finish_event] = Event.objects.filter(action="cleanup.finished")
    assert (finish_event.details["kind"], finish_event.details["discarded"]) == (
        "media resources",
        3,
    )


def test_a_dry_run_has_no_event(memory: MemoryStore, user: User) -> None:
    aged_rows.resource(user)

    with aged_rows.in_memory():
        orphaned_media.discard()

    assert not Event.objects.exists()


@pytest.mark.django_db
def test_a_dead_letter_that_is_retried_is_recorded() -> None:
    dead_letter = ObjectDeletion.objects.create(
        bucket=Bucket.PUBLIC, key="media/a/file.png", reason=DeletionReason.ORPHANED, dead=True
    )

    failed_deletions.retry_rows([dead_letter.pk])

    event = Event.objects.get()
    assert (event.action, event.object_id) == ("object_deletion.retried", dead_letter.pk)
