"""Thumbnails: created with verification, deleted with the image, created later if missing."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from accounts.models import User
from media import selectors
from media.errors import ImageUndecodableError, StoreUnavailableError
from media.models import DeletionReason, MediaResource, ObjectDeletion, ResourceStatus
from media.rules import keys
from media.services import deletions, relocation, resources, thumbnails, trash
from media.storage import public_store
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, ingest, photo, ready_resource, upload_file
from sartiq.core.work import crash_points

pytestmark = pytest.mark.django_db


class DiedError(BaseException):
    """Represents a process that dies here."""


def thumbnail_of(memory: MemoryStore, resource: MediaResource) -> Image.Image:
    with memory.open(keys.thumbnail_key(resource.pk)) as reader:
        return Image.open(io.BytesIO(b"".join(reader)))


@pytest.fixture
def remove_hooks() -> Iterator[None]:
    yield
    crash_points.install(None)


def stored_keys(memory: MemoryStore) -> set[str]:
    return {listing.key for listing in memory.list("media/")}


def die_once_stored() -> None:
    def die(point: str) -> None:
        if point == "thumbnail-stored":
            raise DiedError

    crash_points.install(die)


# --- With relocation ------------------------------------------------------------------------------
def test_a_ready_image_has_a_thumbnail(memory: MemoryStore, user: User) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    assert selectors.thumbnail_url(resource) is None

    drain()

    resource.refresh_from_db()
    key = f"media/{resource.pk}/thumb.webp"
    assert selectors.thumbnail_url(resource) == selectors.public_url(key)
    assert thumbnail_of(memory, resource).size == (resource.width, resource.height)
    assert memory.head(key).content_type == "image/webp"


@pytest.mark.parametrize("fault", ["decoder", "store"])
def test_an_image_becomes_ready_without_a_thumbnail(
    memory: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def undecodable(*_: object) -> bytes:
        raise ImageUndecodableError

    def unavailable(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("thumb.webp"):
            raise StoreUnavailableError

    (resource,) = ingest(user, [upload_file(memory, user)])
    if fault == "decoder":
        monkeypatch.setattr(thumbnails, "make_thumbnail", undecodable)
    else:
        memory.before = unavailable
    relocation.relocate(public_store(), resource.pk)

    resource.refresh_from_db()
    assert resource.status == ResourceStatus.READY
    assert selectors.thumbnail_url(resource) is None


def test_a_worker_that_dies_after_storing_a_thumbnail_leaves_no_stray_object(
    memory: MemoryStore, user: User, remove_hooks: None
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    die_once_stored()
    with pytest.raises(DiedError):
        relocation.relocate(public_store(), resource.pk)
    MediaResource.objects.update(status="FAILED", failure_code="attempts_exhausted")

    delete_and_purge(resource)
    perform_all()

    assert list(memory.list("media/")) == []


def delete_and_purge(resource: MediaResource) -> None:
    resource.attachments.all().delete()
    trash.delete_as_staff(resource_id=resource.pk)
    assert trash.purge([resource.pk], before=timezone.now() + timedelta(minutes=1)) == 1


def perform_all() -> None:
    for pk in list(ObjectDeletion.objects.values_list("pk", flat=True)):
        deletions.perform(pk)


# --- With deletion --------------------------------------------------------------------------------
def test_a_thumbnail_is_deleted_with_its_image(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)

    delete_and_purge(resource)
    perform_all()

    assert list(memory.list("media/")) == []


def test_a_thumbnail_stays_while_its_image_is_needed(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)
    deletions.queue([keys.thumbnail_key(resource.pk)], reason=DeletionReason.REPLACED)

    perform_all()

    assert thumbnail_of(memory, resource).format == "WEBP"


def test_retrying_a_failed_image_cancels_both_deletions(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)
    MediaResource.objects.update(status="FAILED", failure_code="source_missing")
    deletions.queue(resource.own_keys, reason=DeletionReason.REJECTED)
    resource.refresh_from_db()

    assert resources.retry(resource)

    assert not ObjectDeletion.objects.exists()


# --- The command ----------------------------------------------------------------------------------
def report(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    call_command("make_thumbnails", "--json", *options)
    report_data: dict[str, object] = json.loads(capsys.readouterr().out)
    return report_data


def test_the_command_creates_missing_thumbnails(
    memory: MemoryStore, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = [ready_resource(memory, user, photo(number)) for number in range(3)]
    broken_resource = resources.pop()
    MediaResource.objects.update(has_thumbnail=False)
    memory.delete_many(
        [keys.thumbnail_key(resource.pk) for resource in (*resources, broken_resource)]
    )
    memory.delete_many([broken_resource.storage_key])

    dry_run_report = report(capsys)
    limited_report = report(capsys, "--limit", "1")
    executed_report = report(capsys, "--execute")
    second_report = report(capsys, "--execute")

    assert dry_run_report == {"executed": False, "missing": 3, "made": 0, "failed": []}
    assert limited_report["missing"] == 1
    assert executed_report == {
        "executed": True,
        "missing": 3,
        "made": 2,
        "failed": [str(broken_resource.pk)],
    }
    assert (second_report["missing"], second_report["made"]) == (1, 0)
    for resource in resources:
        resource.refresh_from_db()
        assert selectors.thumbnail_url(resource) is not None
        assert thumbnail_of(memory, resource).format == "WEBP"


def test_the_command_reports_what_it_would_do(
    memory: MemoryStore, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    ready_resource(memory, user)
    MediaResource.objects.update(has_thumbnail=False)

    call_command("make_thumbnails")

    assert capsys.readouterr().out == (
        "Would create 1 thumbnails.\nNothing was changed. Use --execute to create them.\n"
    )


def test_a_killed_command_can_be_run_again(
    memory: MemoryStore, user: User, remove_hooks: None
) -> None:
    resource = ready_resource(memory, user)
    MediaResource.objects.update(has_thumbnail=False)
    die_once_stored()
    with pytest.raises(DiedError):
        call_command("make_thumbnails", "--execute")
    crash_points.install(None)

    call_command("make_thumbnails", "--execute")

    resource.refresh_from_db()
    assert resource.has_thumbnail
    assert not ObjectDeletion.objects.filter(key=keys.thumbnail_key(resource.pk)).exists()


def test_the_thumbnail_left_by_a_killed_command_is_deleted(
    memory: MemoryStore, user: User, remove_hooks: None
) -> None:
    resource = ready_resource(memory, user)
    MediaResource.objects.update(has_thumbnail=False)
    die_once_stored()
    with pytest.raises(DiedError):
        call_command("make_thumbnails", "--execute")
    assert keys.thumbnail_key(resource.pk) in stored_keys(memory)
    ObjectDeletion.objects.update(run_after=None)

    perform_all()

    assert stored_keys(memory) == {resource.storage_key}
    assert not ObjectDeletion.objects.exists()


def test_the_thumbnail_of_a_resource_deleted_concurrently_is_deleted(
    memory: MemoryStore, user: User, remove_hooks: None
) -> None:
    resource = ready_resource(memory, user)
    MediaResource.objects.update(has_thumbnail=False)

    def discard(point: str) -> None:
        if point == "thumbnail-stored":
            delete_and_purge(resource)

    crash_points.install(discard)
    call_command("make_thumbnails", "--execute")
    ObjectDeletion.objects.update(run_after=None)
    perform_all()

    assert list(memory.list("media/")) == []
