"""Jobs that write the same products, and slow statements."""

import random
from collections.abc import Iterator
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import BulkUploadChunk, JobStatus
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import (
    TABLE,
    RowCounts,
    chunk_ids,
    import_table,
    row_counts,
    run_job,
    start_job,
)
from catalog.models import Product
from media.storage.testing.memory import MemoryStore
from media.tests.threads import at_once, deadlocks
from sartiq.core.work.retry_policy import MAX_ATTEMPTS


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
def test_overlapping_jobs_do_not_deadlock(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.BULK_CHUNK_ROWS = 50
    before = deadlocks()
    random_source = random.Random(7)
    jobs = []
    for number in range(4):
        skus = [f"S{n}" for n in range(200)]
        random_source.shuffle(skus)
        jobs.append(start_job(user, "sku,name\n" + "".join(f"{s},{number}\n" for s in skus)))
        plan.plan_chunks(jobs[-1].pk)
    tasks = [pk for job in jobs for pk in chunk_ids(job)]
    random_source.shuffle(tasks)

    at_once([partial(import_chunk.import_rows, chunk_id) for chunk_id in tasks])
    for job in jobs:
        run_job(job)

    assert deadlocks() == before
    assert Product.objects.count() == 200
    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
    counts = [row_counts(job) for job in jobs]
    assert [sum(total) for total in counts] == [200] * 4
    assert sum(total.created for total in counts) == 200
    assert sum(total.updated for total in counts) == 600


@pytest.fixture
def slow_products() -> Iterator[None]:
    """Make statements that insert products take 2 s, with a timeout of 1.5 s."""
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
def test_a_merge_that_timed_out_gets_more_time(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.DATABASE_STATEMENT_SECONDS = 1.5

    job = import_table(user, TABLE)

    assert row_counts(job) == RowCounts(created=20, failed=1)
    assert BulkUploadChunk.objects.get(job=job).attempts == 1
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1500ms",)


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("slow_products")
def test_a_merge_that_always_times_out_fails_the_job(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.DATABASE_STATEMENT_SECONDS = 0.05
    job = start_job(user, TABLE)
    plan.plan_chunks(job.pk)
    BulkUploadChunk.objects.update(attempts=MAX_ATTEMPTS - 1)

    for _ in range(2):
        import_chunk.import_rows(*chunk_ids(job))
        BulkUploadChunk.objects.update(run_after=timezone.now())

    job.refresh_from_db()
    assert (job.status, job.failure_code) == (JobStatus.FAILED, "attempts_exhausted")
    assert not Product.objects.exists()


def test_no_transaction_is_left_open(private: MemoryStore, user: User) -> None:
    import_table(user, TABLE)

    assert not connection.needs_rollback
    with transaction.atomic():
        assert Product.objects.count() == 20
