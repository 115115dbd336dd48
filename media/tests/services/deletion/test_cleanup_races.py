"""Cleanups that run during writes: one of the two wins, and no READY row loses its bytes."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import pytest
from django.db import connection, transaction

from accounts.models import Membership, Organization, Role, User
from media import selectors
from media.models import (
    Attachment,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
    UploadState,
)
from media.rules import keys
from media.services.cleanup import orphaned_media, temp_uploads
from media.services.cleanup.report import CleanupReport
from media.tests.rules.file_types import specimens
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import (
    OLD,
    PNG,
    AheadMemoryStore,
    delete_queued,
    ingest,
    new_user,
    put_object,
    resource,
    upload,
)
from sartiq.core.errors import InvalidValuesError
from sartiq.core.models import new_id
from sartiq.core.work import crash_points
from sartiq.core.work.exclusive import AlreadyRunningError

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 25
Result = TypeVar("Result")


@pytest.fixture
def store() -> Iterator[AheadMemoryStore]:
    with aged_rows.in_memory() as stores:
        stores.ahead = OLD
        yield stores


@pytest.fixture
def user() -> User:
    return new_user()


@pytest.fixture(scope="module")
def shoe() -> bytes:
    return specimens.still(PNG)


def in_other_connection(work: Callable[[], Result]) -> Result:
    """Run a function on its own database connection and return its result."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_closing, work).result()


def at_once(*works: Callable[[], object]) -> None:
    """Start all functions at the same moment, each on its own connection, and wait for them."""
    line = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        line.wait()
        return _closing(work)

    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        for future in [pool.submit(run, work) for work in works]:
            future.result()


def _closing(work: Callable[[], Result]) -> Result:
    try:
        return work()
    finally:
        connection.close()


def clean_up(store: AheadMemoryStore) -> tuple[CleanupReport, CleanupReport]:
    """Run both cleanups and the deletions they queued."""
    temp_report = temp_uploads.discard(store=store, execute=True)
    orphans_report = orphaned_media.discard(execute=True)
    delete_queued()
    return temp_report, orphans_report


def ready_resource(user: User, store: AheadMemoryStore, body: bytes) -> MediaResource:
    """Return an orphan whose object exists."""
    pk = new_id()
    row = resource(
        user,
        id=pk,
        storage_key=keys.canonical_key(pk, "png"),
        content_hash=hashlib.sha256(body).hexdigest(),
    )
    put_object(store, row.storage_key, body)
    return row


def require_bytes(store: AheadMemoryStore) -> None:
    """Assert that every PENDING or READY row still has its object."""
    rows = MediaResource.objects.exclude(status=ResourceStatus.FAILED)
    assert set(rows.values_list("storage_key", flat=True)) <= set(store.keys())


def is_refused(work: Callable[[], object]) -> bool:
    """Call the function; return whether it refused the files with a 422."""
    try:
        work()
    except InvalidValuesError:
        return True
    return False


@pytest.mark.covers("F23", "F26")
def test_attaching_an_orphan_races_with_its_cleanup(store: AheadMemoryStore, user: User) -> None:
    for number in range(ROUNDS):
        orphan = ready_resource(user, store, b"%d" % number)
        url = selectors.public_url(orphan.storage_key)
        outcomes: list[bool] = []

        at_once(
            lambda url=url, outcomes=outcomes: outcomes.append(  # type: ignore[misc]  # late binding
                is_refused(lambda: ingest(user, store, url))
            ),
            lambda: clean_up(store),
        )

        is_attached = Attachment.objects.filter(resource_id=orphan.pk).exists()
        assert outcomes == [not is_attached]
        assert MediaResource.objects.filter(pk=orphan.pk).exists() == is_attached
        assert (orphan.storage_key in store.keys()) == is_attached  # noqa: SIM118  a method of the store
        require_bytes(store)


@pytest.mark.covers("F26")
def test_ingest_races_with_the_cleanup_of_its_upload(
    store: AheadMemoryStore, user: User, shoe: bytes
) -> None:
    for _ in range(ROUNDS):
        upload_row = upload(user)
        put_object(store, upload_row.key, shoe)
        outcomes: list[bool] = []

        at_once(
            lambda upload_row=upload_row, outcomes=outcomes: outcomes.append(  # type: ignore[misc]  # late binding
                is_refused(lambda: ingest(user, store, selectors.public_url(upload_row.key)))
            ),
            lambda: clean_up(store),
        )

        upload_row.refresh_from_db()
        assert outcomes == [upload_row.state == UploadState.EXPIRED]
        require_bytes(store)
        Attachment.objects.all().delete()
        MediaResource.objects.all().delete()


@pytest.mark.covers("F26")
def test_two_concurrent_cleanups_discard_everything_once(
    store: AheadMemoryStore, user: User
) -> None:
    for _ in range(30):
        put_object(store, upload(user).key)
        ready_resource(user, store, new_id().bytes)
    reports: list[tuple[CleanupReport, CleanupReport]] = []

    def clean_up_unless_running() -> None:
        with suppress(AlreadyRunningError):
            reports.append(clean_up(store))

    at_once(*[clean_up_unless_running] * 2)

    assert reports
    reports.append(clean_up(store))
    assert sum(temp_report.discarded for temp_report, _ in reports) == 30
    assert sum(orphans_report.discarded for _, orphans_report in reports) == 30
    assert store.keys() == []
    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.EXPIRED}
    assert not MediaResource.objects.exists()
    assert not ObjectDeletion.objects.exists()


@pytest.mark.covers("F26")
def test_locked_rows_are_left_for_the_next_run(store: AheadMemoryStore, user: User) -> None:
    locked_upload, orphan = upload(user), ready_resource(user, store, b"held")
    put_object(store, locked_upload.key)

    with transaction.atomic():
        Upload.objects.select_for_update(no_key=True).get(pk=locked_upload.pk)
        MediaResource.objects.select_for_update(no_key=True).get(pk=orphan.pk)
        temp_report, orphans_report = in_other_connection(lambda: clean_up(store))

    assert temp_report == CleanupReport(executed=True)
    assert (orphans_report.candidates, orphans_report.discarded) == (1, 0)
    assert [report.discarded for report in clean_up(store)] == [1, 1]


def test_an_orphan_stays_while_one_of_its_uploads_is_being_ingested(
    store: AheadMemoryStore, user: User
) -> None:
    orphan = ready_resource(user, store, b"held")
    used_upload = upload(user, state=UploadState.CONSUMED, resource=orphan)

    with transaction.atomic():
        Upload.objects.select_for_update(no_key=True).get(pk=used_upload.pk)
        orphans_report = in_other_connection(lambda: clean_up(store))[1]

    assert (orphans_report.candidates, orphans_report.discarded) == (1, 0)
    assert MediaResource.objects.filter(pk=orphan.pk).exists()


@pytest.mark.covers("F18")
def test_a_cleanup_between_check_and_claim_refuses_the_file(
    store: AheadMemoryStore, user: User, shoe: bytes
) -> None:
    upload_row = upload(user)
    put_object(store, upload_row.key, shoe)
    crash_points.install(lambda point: clean_up(store) if point == "ingest-heads-read" else None)  # type: ignore[arg-type]  # a hook's result is ignored

    try:
        response = is_refused(lambda: ingest(user, store, selectors.public_url(upload_row.key)))
    finally:
        crash_points.install(None)

    assert response
    assert store.keys() == []
    assert not MediaResource.objects.exists()


@pytest.mark.covers("F23")
def test_an_orphan_that_is_being_copied_is_kept(store: AheadMemoryStore, user: User) -> None:
    organization = Organization.objects.create(name="Studio", slug="studio")
    Membership.objects.create(user=user, organization=organization, role=Role.MEMBER)
    source = ready_resource(user, store, b"mine")

    copy_id = ingest(
        user,
        store,
        selectors.public_url(source.storage_key),
        organization_id=organization.pk,
        meanwhile=lambda: in_other_connection(lambda: clean_up(store)),
    )

    assert clean_up(store)[1] == CleanupReport(executed=True)
    assert MediaResource.objects.get(pk=copy_id).copied_from == source
    require_bytes(store)
