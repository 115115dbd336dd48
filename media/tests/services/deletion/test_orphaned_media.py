"""Cleanup of media resources without attachments."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from media.models import (
    Attachment,
    MediaResource,
    ResourceStatus,
    UploadState,
)
from media.services.cleanup.report import MAX_SAMPLES, CleanupReport
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import (
    discard_orphans,
    new_temp_key,
    new_user,
    queued_deletions,
    resource,
    upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(db: None) -> User:
    return new_user()


@pytest.fixture(autouse=True)
def _stores(db: None) -> Iterator[None]:
    with aged_rows.in_memory():
        yield


@pytest.mark.parametrize(
    "reason",
    [
        {"unattached_at": None},
        {"unattached_at": timezone.now() - timedelta(hours=23)},
        {"protected": True},
        {"status": ResourceStatus.PENDING},
    ],
)
def test_recent_protected_and_pending_resources_are_not_orphans(
    user: User, reason: dict[str, object]
) -> None:
    resource(user, **reason)

    report = discard_orphans()

    assert report == CleanupReport(executed=True)
    assert MediaResource.objects.count() == 1


def test_an_attached_resource_is_not_an_orphan(user: User) -> None:
    attached_resource = resource(user)
    Attachment.objects.create(
        resource=attached_resource, entity_type="PRODUCT", entity_id=uuid4(), slot="cover_image"
    )

    assert discard_orphans() == CleanupReport(executed=True)
    assert MediaResource.objects.count() == 1


def test_an_orphan_stays_while_another_owners_resource_is_copied_from_it(user: User) -> None:
    source = resource(user)
    copy = resource(
        new_user(),
        status=ResourceStatus.PENDING,
        storage_key=source.storage_key,
        copied_from=source,
        unattached_at=None,
    )

    assert discard_orphans() == CleanupReport(executed=True)

    MediaResource.objects.filter(pk=copy.pk).update(status=ResourceStatus.READY)
    assert discard_orphans().discarded == 1


@pytest.mark.covers("F20")
def test_the_source_and_the_copy_of_a_failed_orphan_are_deleted(user: User) -> None:
    key = new_temp_key()
    failed_resource = resource(
        user, status=ResourceStatus.FAILED, failure_code="decode_limit", storage_key=key
    )
    claimed_upload = upload(user, key=key, state=UploadState.CLAIMED, resource=failed_resource)

    report = discard_orphans()

    claimed_upload.refresh_from_db()
    assert report.discarded == 1
    assert claimed_upload.state == UploadState.EXPIRED
    assert {name for name, _ in queued_deletions()} == {key} | failed_resource.own_keys


def test_orphans_are_discarded_oldest_first_up_to_the_limit(user: User) -> None:
    ages = [timedelta(days=number) for number in (3, 9, 5)]
    rows = [resource(user, unattached_at=timezone.now() - age) for age in ages]

    report = discard_orphans(limit=2)

    assert report.samples == [rows[1].storage_key, rows[2].storage_key]
    assert list(MediaResource.objects.all()) == [rows[0]]


def test_an_orphan_that_is_protected_after_it_was_found_stays(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = [timedelta(days=number) for number in (9, 7, 5)]
    rows = [resource(new_user(), unattached_at=timezone.now() - age) for age in ages]

    def protect_second(report: CleanupReport, _name: str, _size: int) -> None:
        report.candidates += 1
        MediaResource.objects.filter(pk=rows[1].pk).update(protected=True)

    monkeypatch.setattr(CleanupReport, "add_candidate", protect_second)
    report = discard_orphans()

    assert (report.candidates, report.discarded) == (3, 2)
    assert list(MediaResource.objects.all()) == [rows[1]]


def test_no_more_than_twenty_samples_are_shown(user: User) -> None:
    for _ in range(21):
        resource(user)

    report = discard_orphans(execute=False)

    assert (report.candidates, len(report.samples)) == (21, MAX_SAMPLES)
