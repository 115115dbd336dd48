from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from media.models import (
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
    UploadState,
)
from media.services.cleanup import grace, orphaned_media, temp_uploads
from media.services.cleanup.grace import GraceTooShortError
from media.services.cleanup.report import CleanupReport
from media.storage import factory
from media.storage.testing.memory import MemoryStore
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import (
    DATA,
    OLD,
    AheadStore,
    all_rows,
    delete_queued,
    discard_orphans,
    new_temp_key,
    new_user,
    put_object,
    queued_deletions,
    resource,
    temp_keys,
    upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(db: None) -> User:
    return new_user()


@pytest.fixture(autouse=True)
def stores(request: pytest.FixtureRequest) -> Iterator[None]:
    """Buckets of this environment, for tests that need no objects."""
    if "store" in request.fixturenames:
        yield
        return
    request.getfixturevalue("db")
    with aged_rows.in_memory():
        yield


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Iterator[AheadStore]:
    """A new bucket whose clock is a day ahead of its objects."""
    if request.param == "s3":
        request.getfixturevalue("stack")
        settings.R2_BUCKET_NAME = f"cleanup-{uuid4()}"
        settings.R2_PRIVATE_BUCKET_NAME = f"{settings.R2_BUCKET_NAME}-private"
    factory.reset()
    with aged_rows.in_memory() if request.param == "memory" else aged_rows.on_s3() as stores:
        stores.ahead = OLD
        yield stores
    factory.reset()


def discard_stale(store: AheadStore, **how: int | bool) -> CleanupReport:
    return temp_uploads.discard(store=store, **({"execute": True} | how))  # type: ignore[arg-type]  # shorthand


@pytest.mark.covers("F21", "F28")
def test_an_unused_upload_expires_and_its_object_is_deleted(store: AheadStore, user: User) -> None:
    unused_upload = upload(user)
    put_object(store, unused_upload.key)

    report = discard_stale(store)
    delete_queued()

    assert report == CleanupReport(
        executed=True,
        candidates=1,
        discarded=1,
        bytes=len(DATA),
        expired_uploads=1,
        samples=[unused_upload.key],
    )
    unused_upload.refresh_from_db()
    assert unused_upload.state == UploadState.EXPIRED
    assert temp_keys(store) == []
    assert not ObjectDeletion.objects.exists()


def test_an_object_without_a_row_is_deleted(store: AheadStore) -> None:
    stray_key = put_object(store, new_temp_key())

    report = discard_stale(store)

    assert (report.discarded, report.expired_uploads) == (1, 0)
    assert queued_deletions() == {(stray_key, DeletionReason.EXPIRED)}


def test_the_age_of_an_object_is_measured_by_the_stores_clock(store: AheadStore) -> None:
    put_object(store, new_temp_key())
    store.ahead = timedelta(hours=23)

    report = discard_stale(store)

    assert report == CleanupReport(executed=True)
    assert queued_deletions() == set()


@pytest.mark.covers("F28")
def test_a_wrong_local_clock_discards_nothing(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    store_time = datetime.now(UTC)
    store = MemoryStore(now=lambda: store_time)
    recent_upload = upload(user, age=timedelta(minutes=5))
    put_object(store, recent_upload.key)
    monkeypatch.setattr(timezone, "now", lambda: store_time + timedelta(days=3))

    report = temp_uploads.discard(store=store, execute=True)

    recent_upload.refresh_from_db()
    assert report == CleanupReport(executed=True)
    assert recent_upload.state == UploadState.ISSUED


def test_a_fresh_upload_keeps_its_object(store: AheadStore, user: User) -> None:
    recent_upload = upload(user, age=timedelta(hours=23))
    put_object(store, recent_upload.key)

    report = discard_stale(store)

    recent_upload.refresh_from_db()
    assert report.candidates == 0
    assert recent_upload.state == UploadState.ISSUED


@pytest.mark.covers("F26")
def test_the_sources_of_a_pending_resource_stay_whatever_their_age(
    store: AheadStore, user: User
) -> None:
    first, second = new_temp_key(), new_temp_key()
    waiting_resource = resource(user, status=ResourceStatus.PENDING, storage_key=first)
    for key in (first, second):
        put_object(store, key)
        upload(user, key=key, state=UploadState.CLAIMED, resource=waiting_resource, age=OLD * 9)
    untracked_key = put_object(store, new_temp_key())
    resource(user, status=ResourceStatus.PENDING, storage_key=untracked_key)

    report = discard_stale(store)

    assert report == CleanupReport(executed=True)
    assert set(temp_keys(store)) == {first, second, untracked_key}


@pytest.mark.parametrize(
    ("status", "remaining"),
    [
        (ResourceStatus.READY, UploadState.CONSUMED),
        (ResourceStatus.FAILED, UploadState.EXPIRED),
        (None, UploadState.EXPIRED),
    ],
)
def test_the_object_of_a_claimed_upload_is_deleted_once_its_resource_is_finished(
    user: User, status: ResourceStatus | None, remaining: UploadState
) -> None:
    code = "source_changed" if status == ResourceStatus.FAILED else ""
    source = resource(user, status=status, failure_code=code) if status else None
    claimed_upload = upload(user, state=UploadState.CLAIMED, resource=source)
    with aged_rows.in_memory() as store:
        put_object(store, claimed_upload.key)
        store.ahead = OLD

        report = discard_stale(store)

    claimed_upload.refresh_from_db()
    assert report.discarded == 1
    assert claimed_upload.state == remaining
    assert queued_deletions() == {(claimed_upload.key, DeletionReason.EXPIRED)}


def test_only_temp_keys_of_our_format_are_discarded(store: AheadStore) -> None:
    foreign_key = put_object(store, "temp/put-here-by-hand.png")
    for key in ("media/stray/file.png", "images/legacy.png"):
        put_object(store, key)

    report = discard_stale(store)

    assert report.candidates == 0
    assert temp_keys(store) == [foreign_key]


@pytest.mark.covers("F22")
@pytest.mark.parametrize("dead", [False, True])
def test_an_object_queued_or_given_up_already_is_not_queued_again(
    *, store: AheadStore, dead: bool
) -> None:
    key = put_object(store, new_temp_key())
    ObjectDeletion.objects.create(key=key, reason=DeletionReason.REFUSED, dead=dead)

    report = discard_stale(store)

    assert report.candidates == 0
    assert queued_deletions() == {(key, DeletionReason.REFUSED)}


def test_the_limit_counts_candidates(store: AheadStore, user: User) -> None:
    first, second, third = sorted(put_object(store, new_temp_key()) for _ in range(3))
    resource(user, status=ResourceStatus.PENDING, storage_key=first)

    report = discard_stale(store, limit=1)

    assert (report.candidates, report.samples) == (1, [second])
    assert discard_stale(store).samples == [third]


def test_an_upload_that_was_never_put_expires(store: AheadStore, user: User) -> None:
    never_put, recent_upload = upload(user), upload(user, age=timedelta(hours=1))
    upload_without_resource = upload(user, state=UploadState.CLAIMED, resource=None)

    report = discard_stale(store)

    assert (report.candidates, report.expired_uploads) == (0, 2)
    states = dict(Upload.objects.values_list("pk", "state"))
    assert states == {
        never_put.pk: UploadState.EXPIRED,
        upload_without_resource.pk: UploadState.EXPIRED,
        recent_upload.pk: UploadState.ISSUED,
    }


@pytest.mark.covers("I17")
def test_dry_runs_change_nothing(store: AheadStore, user: User) -> None:
    for unused_upload in (upload(user), upload(user)):
        put_object(store, unused_upload.key)
    upload(user)
    orphan = resource(user)
    put_object(store, orphan.storage_key)
    rows, objects = all_rows(), list(store.list(""))

    temp_report = discard_stale(store, execute=False)
    orphans_report = discard_orphans(execute=False)

    assert (temp_report.candidates, temp_report.discarded, temp_report.expired_uploads) == (2, 0, 3)
    assert (orphans_report.candidates, orphans_report.discarded) == (1, 0)
    assert all_rows() == rows
    assert list(store.list("")) == objects


def test_a_second_cleanup_finds_nothing(store: AheadStore, user: User) -> None:
    put_object(store, upload(user).key)
    resource(user)
    assert (discard_stale(store).discarded, discard_orphans().discarded) == (1, 1)

    second_reports = discard_stale(store), discard_orphans()

    assert second_reports == (CleanupReport(executed=True), CleanupReport(executed=True))


def test_the_row_of_an_orphan_is_deleted_before_its_object(store: AheadStore, user: User) -> None:
    orphan = resource(user)
    put_object(store, orphan.storage_key)
    used_upload = upload(user, state=UploadState.CONSUMED, resource=orphan)

    report = discard_orphans()

    assert report == CleanupReport(
        executed=True, candidates=1, discarded=1, bytes=len(DATA), samples=[orphan.storage_key]
    )
    assert not MediaResource.objects.exists()
    assert queued_deletions() == {(key, DeletionReason.ORPHANED) for key in orphan.own_keys}
    assert store.head(orphan.storage_key).size == len(DATA)
    delete_queued()
    assert list(store.list("media/")) == []
    used_upload.refresh_from_db()
    assert (used_upload.state, used_upload.resource) == (UploadState.CONSUMED, None)


def test_the_minimum_grace_covers_url_lifetime_redelivery_and_clock_differences(
    user: User, settings: Settings
) -> None:
    settings.VISIBILITY_TIMEOUT = 900
    assert grace.min_grace() == timedelta(hours=2, minutes=15)
    resource(user, unattached_at=timezone.now() - timedelta(days=99))
    too_short = timedelta(hours=2, minutes=14)

    with aged_rows.in_memory() as store:
        with pytest.raises(GraceTooShortError):
            temp_uploads.discard(store=store, older_than=too_short, execute=True)
        with pytest.raises(GraceTooShortError):
            orphaned_media.discard(older_than=too_short, execute=True)

    assert MediaResource.objects.count() == 1
