"""How jobs run: at the same time, cancelled, overtaken, without their file, again."""

import random
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from kombu import Connection
from pytest_django import Settings

from accounts.models import Membership, OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.errors import JobFinishedError, NothingToRetryError
from bulkupload.models import BulkUploadChunk, BulkUploadJob, BulkUploadRowError, JobStatus
from bulkupload.services import jobs, lifecycle, recovery, retention
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import (
    chunk_ids,
    counts,
    faults,
    imported,
    progress,
    progress_as_read,
    send,
    work_off,
)
from catalog.models import Product
from media.errors import StoreCredentialsError
from media.models import ObjectDeletion
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.threads import at_once, deadlocks
from sartiq.core.work import crash_points, leases
from sartiq.core.work.runner import MAX_ATTEMPTS

TABLE = "sku,name\n" + "".join(f"S{n},Name {n}\n" for n in range(20)) + ",bad\n"


@pytest.fixture
def small_chunks(settings: Settings) -> None:
    settings.BULK_CHUNK_ROWS = 4


class Crash(BaseException):
    """A process that died."""


def dying_at(point: str) -> Any:
    def hook(reached: str) -> None:
        if reached == point:
            raise Crash

    return hook


POINTS = [
    *("lease-taken", "bulk-downloaded", "bulk-outlined", "bulk-planning", "bulk-planned"),
    *("bulk-parsed", "bulk-merged", "bulk-marked", "bulk-imported", "bulk-finish"),
]


@pytest.mark.covers("F30", "I11", "I12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("deaths", [1, 3])
@pytest.mark.usefixtures("small_chunks")
def test_whoever_dies_at_any_step_every_row_counts_once(
    private: MemoryStore, user: User, settings: Settings, point: str, deaths: int
) -> None:
    settings.LEASE_SECONDS = 0  # a dead worker's lease has ended at once
    job = send(user, TABLE)
    died = 0

    for _ in range(40):
        crash_points.install(dying_at(point) if died < deaths else None)
        try:
            work_off(job)
            recovery.resend()
        except Crash:
            died += 1
        finally:
            crash_points.install(None)
        job.refresh_from_db()
        done = counts(job)
        assert sum(done) <= 21
        if job.is_finished and died == deaths:
            break

    assert died >= 1
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert counts(job) == (20, 0, 0, 1)
    assert faults(job) == [(21, 22, "sku", "missing")]
    assert Product.objects.count() == 20


@pytest.mark.covers("F06", "I15")
def test_a_chunk_that_kills_every_worker_is_given_up(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.LEASE_SECONDS = 0
    job = send(user, TABLE)
    plan.plan(job.pk)
    BulkUploadChunk.objects.update(attempts=MAX_ATTEMPTS)

    work_off(job)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "attempts_exhausted")
    assert counts(job) == (0, 0, 0, 0)


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_slept_too_long_commits_nothing(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    job = send(user, TABLE)
    plan.plan(job.pk)
    [chunk_id] = chunk_ids(job)
    settings.LEASE_SECONDS = 0

    def overtake(point: str) -> None:
        if point == "bulk-merged":
            crash_points.install(None)
            rows = BulkUploadChunk.objects.filter(pk=chunk_id)
            at_once([lambda: leases.take(rows)])

    crash_points.install(overtake)
    import_chunk.import_rows(chunk_id)

    assert not Product.objects.exists()
    assert not BulkUploadRowError.objects.exists()
    work_off(job)
    assert counts(job) == (20, 0, 0, 1)


@pytest.mark.covers("F32")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["bulk-parsed", "bulk-merged"])
def test_cancelling_stops_within_one_chunk(
    private: MemoryStore, user: User, small_chunks: None, point: str
) -> None:
    job = send(user, TABLE)
    plan.plan(job.pk)
    first, *others = chunk_ids(job)
    import_chunk.import_rows(first)

    def cancel(reached: str) -> None:
        if reached == point:
            crash_points.install(None)
            at_once([lambda: jobs.cancel(user=user, job_id=job.pk)])

    crash_points.install(cancel)
    for pk in others:
        import_chunk.import_rows(pk)
    recovery.resend()

    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert counts(job) == (4, 0, 0, 0)
    assert Product.objects.count() == 4
    with pytest.raises(JobFinishedError):
        jobs.cancel(user=user, job_id=job.pk)


@pytest.mark.covers("F32")
def test_a_job_whose_user_may_no_longer_write_is_cancelled(
    private: MemoryStore, user: User
) -> None:
    organization = MembershipFactory.create(user=user).organization
    job = send(user, TABLE, scope=OwnerScope(user_id=user.pk, organization_id=organization.pk))
    plan.plan(job.pk)
    Membership.objects.filter(user=user).delete()

    work_off(job)

    assert (job.status, job.failure_code) == (JobStatus.CANCELLED, "owner_gone")
    assert not Product.objects.exists()


@pytest.mark.covers("F33")
def test_a_file_that_vanishes_fails_the_job_and_keeps_the_counts(
    private: MemoryStore, user: User, small_chunks: None
) -> None:
    job = send(user, TABLE)
    plan.plan(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    private.delete_many([job.source_key])

    work_off(job)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "source_missing")
    assert counts(job) == (4, 0, 0, 0)
    assert Product.objects.count() == 4
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=job.pk)


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
def test_jobs_that_overlap_in_any_order_wait_for_each_other(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.BULK_CHUNK_ROWS = 50
    before = deadlocks()
    order = random.Random(7)
    started = []
    for number in range(4):
        skus = [f"S{n}" for n in range(200)]
        order.shuffle(skus)
        started.append(send(user, "sku,name\n" + "".join(f"{s},{number}\n" for s in skus)))
        plan.plan(started[-1].pk)
    work = [pk for job in started for pk in chunk_ids(job)]
    order.shuffle(work)

    at_once([partial(import_chunk.import_rows, each) for each in work])
    for job in started:
        work_off(job)

    assert deadlocks() == before
    assert Product.objects.count() == 200
    assert {job.status for job in started} == {JobStatus.COMPLETED}
    totals = [counts(job) for job in started]
    assert [sum(total) for total in totals] == [200] * 4
    assert sum(total[0] for total in totals) == 200
    assert sum(total[1] for total in totals) == 600


@pytest.fixture
def slow_products() -> Iterator[None]:
    """A database that takes 2 s for a statement that writes products, and may take 1.5 s."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '1500ms'")
        cursor.execute(
            "CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER slow AFTER INSERT ON catalog_product "
            "FOR EACH STATEMENT EXECUTE FUNCTION take_long()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION take_long() CASCADE")
        cursor.execute("RESET statement_timeout")


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_products")
def test_a_merge_that_was_cut_off_is_given_more_time(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.DATABASE_STATEMENT_SECONDS = 1.5

    job = imported(user, TABLE)

    assert counts(job) == (20, 0, 0, 1)
    assert BulkUploadChunk.objects.get(job=job).attempts == 1
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1500ms",)


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_products")
def test_a_merge_that_is_always_cut_off_fails_the_job_in_the_end(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.DATABASE_STATEMENT_SECONDS = 0.05
    job = send(user, TABLE)
    plan.plan(job.pk)
    BulkUploadChunk.objects.update(attempts=MAX_ATTEMPTS - 1)

    for _ in range(2):
        import_chunk.import_rows(*chunk_ids(job))
        BulkUploadChunk.objects.update(run_after=timezone.now())

    job.refresh_from_db()
    assert (job.status, job.failure_code) == (JobStatus.FAILED, "attempts_exhausted")
    assert not Product.objects.exists()


@pytest.mark.covers("F08")
def test_what_waits_is_sent_again(
    private: MemoryStore,
    user: User,
    small_chunks: None,
    settings: Settings,
    broker_connection: Connection,
) -> None:
    channel: Any = broker_connection.default_channel
    settings.RESEND_AFTER_SECONDS = 0
    job = send(user, TABLE)

    first = recovery.resend()
    plan.plan(job.pk)
    assert recovery.resend() == 0  # the first one's message waits still
    channel.client.delete("bulk")  # it lost all
    second = recovery.resend()
    channel.client.delete("bulk")
    BulkUploadChunk.objects.filter(job=job).update(status="DONE", created=0, failed=0, rows=0)
    third = recovery.resend()

    job.refresh_from_db()
    assert (first, second, third) == (1, 6, 1)
    assert job.status == JobStatus.COMPLETED


def test_refused_rows_are_retried_as_a_job_of_their_own(private: MemoryStore, user: User) -> None:
    Product.objects.create(user=user, sku="007", name="Bond")
    job = imported(user, "sku;name\n7;Bond\nA;Shoe\n", filename="a.csv")
    Product.objects.filter(sku="007").delete()

    again = work_off(jobs.retry(user=user, job_id=job.pk))

    assert counts(job) == (1, 0, 0, 1)
    assert (again.retry_of_id, again.status) == (job.pk, JobStatus.COMPLETED)
    assert counts(again) == (1, 0, 0, 0)
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=again.pk)


def test_a_cancelled_job_is_retried_whole(
    private: MemoryStore, user: User, small_chunks: None
) -> None:
    job = send(user, TABLE)
    plan.plan(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    jobs.cancel(user=user, job_id=job.pk)

    again = work_off(jobs.retry(user=user, job_id=job.pk))

    assert counts(again) == (16, 0, 4, 1)


@pytest.mark.covers("T66")
def test_old_jobs_go_with_their_errors_and_files(private: MemoryStore, user: User) -> None:
    old, young = imported(user, TABLE), imported(user, TABLE)
    running = send(user, TABLE)
    ended = timezone.now() - timedelta(days=90, minutes=1)
    BulkUploadJob.objects.filter(pk=old.pk).update(finished_at=ended)

    assert retention.discard_old_jobs() == 1

    kept = set(BulkUploadJob.objects.values_list("pk", flat=True))
    assert kept == {young.pk, running.pk}
    assert set(BulkUploadRowError.objects.values_list("job_id", flat=True)) == {young.pk}
    assert list(ObjectDeletion.objects.values_list("key", flat=True)) == [old.source_key]


@pytest.mark.covers("I12")
def test_no_more_rows_are_done_than_a_job_is_known_to_have(
    private: MemoryStore, user: User
) -> None:
    read_before = send(user, "sku,name\nA,Shoe\n,Boot\n")
    done = work_off(BulkUploadJob.objects.get(pk=read_before.pk))

    assert (progress_as_read(read_before).processed, progress_as_read(read_before).total) == (0, 0)
    assert (progress(done).processed, progress(done).total) == (2, 2)


@pytest.mark.covers("I11")
def test_an_end_is_for_ever(private: MemoryStore, user: User) -> None:
    job = imported(user, "sku,name\nA,Shoe\n")

    assert not lifecycle.cancel(job.pk)
    assert not lifecycle.fail(job.pk, plan.SOURCE_GONE)
    assert not lifecycle.finish(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED


def test_no_transaction_is_left_open(private: MemoryStore, user: User) -> None:
    imported(user, TABLE)

    assert not connection.needs_rollback
    with transaction.atomic():
        assert Product.objects.count() == 20


def test_staff_retry_a_personal_job_for_its_owner(private: MemoryStore, user: User) -> None:
    staff: User = UserFactory.create(is_superuser=True)
    job = imported(user, "sku,name\nA,\n")

    again = jobs.retry(user=staff, job_id=job.pk)

    assert (again.user_id, again.organization_id) == (user.pk, None)


def test_credentials_the_store_refuses_fail_no_import(private: MemoryStore, user: User) -> None:
    job = send(user, TABLE)

    def refuse(operation: str, key: str) -> None:
        raise StoreCredentialsError

    private.before = refuse
    for _ in range(8):
        BulkUploadJob.objects.update(run_after=None)
        plan.plan(job.pk)
    private.before = nothing
    BulkUploadJob.objects.update(run_after=None)
    plan.plan(job.pk)
    (chunk,) = chunk_ids(job)
    private.before = refuse
    for _ in range(8):
        BulkUploadChunk.objects.update(run_after=None)
        import_chunk.import_rows(chunk)
    private.before = nothing
    BulkUploadChunk.objects.update(run_after=None)
    import_chunk.import_rows(chunk)

    job.refresh_from_db()
    assert (job.status, counts(job)[0]) == (JobStatus.COMPLETED_WITH_ERRORS, 20)
