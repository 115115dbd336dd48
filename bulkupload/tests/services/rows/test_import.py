"""The results of an import: products, counts and errors."""

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory
from bulkupload.models import BulkUploadRowError, JobStatus
from bulkupload.tests.importing import (
    RowCounts,
    errors_of,
    import_table,
    progress,
    row_counts,
    run_job,
    start_job,
)
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

FIELDS = ("sku", "name", "brand", "description", "gender", "materials", "color")


def products(user: User) -> list[tuple[str | None, ...]]:
    return list(Product.objects.filter(user=user).order_by("sku").values_list(*FIELDS))


def test_rows_become_products(private: MemoryStore, user: User) -> None:
    job = import_table(
        user,
        "sku,name,brand,description,gender,materials,color\n"
        'A-1,Shoe,Us,"Soft,\nbrown",men,leather,brown\n'
        "A-2,Boot,,,,,\n",
    )

    assert job.status == JobStatus.COMPLETED
    assert row_counts(job) == RowCounts(created=2)
    assert job.total_rows == 2
    assert products(user) == [
        ("A-1", "Shoe", "Us", "Soft,\nbrown", "men", "leather", "brown"),
        ("A-2", "Boot", "", "", "", "", ""),
    ]


def test_an_empty_cell_clears_and_an_absent_column_leaves(private: MemoryStore, user: User) -> None:
    Product.objects.create(user=user, sku="A", name="Old", brand="Us", color="red")

    job = import_table(user, "sku,name,brand\nA,New,\n")

    assert row_counts(job) == RowCounts(updated=1)
    assert products(user) == [("A", "New", "", "", "", "", "red")]


def test_unchanged_rows_are_counted_and_not_written(private: MemoryStore, user: User) -> None:
    unchanged_product = Product.objects.create(user=user, sku="A", name="Shoe", brand="Us")

    job = import_table(user, "sku,name\nA,Shoe\n")

    assert row_counts(job) == RowCounts(unchanged=1)
    assert Product.objects.get().updated_at == unchanged_product.updated_at


def last_locking_transactions(user: User) -> list[int]:
    """Return the id of the transaction that last locked each product, 0 if none did."""
    with connection.cursor() as cursor:
        query = "SELECT xmax::text::bigint FROM catalog_product WHERE user_id = %s ORDER BY sku"
        cursor.execute(query, [user.pk])
        return [transaction_id for (transaction_id,) in cursor.fetchall()]


def test_unchanged_rows_do_not_lock_their_products(private: MemoryStore, user: User) -> None:
    import_table(user, "sku,name,color\nA,Shoe,red\nB,Boot,\n")
    before = last_locking_transactions(user)

    job = import_table(user, "sku,name,color\nA,Shoe,red\nB,Boot,\nB,Boot,\n")

    assert row_counts(job) == RowCounts(unchanged=3)
    assert last_locking_transactions(user) == before == [0, 0]


def test_products_of_other_owners_are_unchanged(private: MemoryStore, user: User) -> None:
    membership = MembershipFactory.create(user=user)
    Product.objects.create(user=user, sku="A", name="Personal")
    scope = OwnerScope(user_id=user.pk, organization_id=membership.organization_id)

    job = import_table(user, "sku,name\nA,Ours\n", scope=scope)

    assert row_counts(job) == RowCounts(created=1)
    assert list(Product.objects.in_scope(scope).values_list("name", flat=True)) == ["Ours"]
    assert Product.objects.get(organization=None).name == "Personal"


@pytest.mark.covers("I12")
def test_a_bad_row_does_not_stop_other_rows(private: MemoryStore, user: User) -> None:
    job = import_table(
        user, "sku,name,color\nA,Shoe,red\n,,blue\nB,Boot," + "x" * 101 + "\nC,Hat,\n"
    )

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert row_counts(job) == RowCounts(created=2, failed=2)
    assert errors_of(job) == [
        (2, 3, "sku", "missing"),
        (2, 3, "name", "missing"),
        (3, 4, "color", "string_too_long"),
    ]
    error = BulkUploadRowError.objects.get(row=3)
    assert (error.value, error.message) == ("x" * 101, "Longer than 100 characters. Shorten it.")


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_the_last_row_of_an_sku_wins_with_chunks_of_any_size(
    private: MemoryStore, user: User, settings: Settings, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows
    Product.objects.create(user=user, sku="B", name="One")

    job = import_table(
        user, "sku,name\nA,One\nB,One\nA,Two\nA,Two\nB,Two\nA,Three\nB,One\nC,One\nB,One\n"
    )

    assert [row[:2] for row in products(user)] == [("A", "Three"), ("B", "One"), ("C", "One")]
    assert row_counts(job) == RowCounts(created=2, updated=4, unchanged=3)


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_a_dry_run_counts_the_outcomes_and_writes_nothing(
    private: MemoryStore, user: User, settings: Settings, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows
    Product.objects.create(user=user, sku="B", name="One")
    table = "sku,name\nA,One\nB,Two\nA,Two\n,x\nC,One\nB,Two\n"

    job = import_table(user, table, dry_run=True)

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert progress(job).failed == 1
    assert progress(job).created == 2
    assert [row[:2] for row in products(user)] == [("B", "One")]


def test_tasks_delivered_twice_count_once(private: MemoryStore, user: User) -> None:
    job = start_job(user, "sku,name\nA,Shoe\n,Boot\n")

    run_job(job)
    before = (row_counts(job), errors_of(job), products(user), job.finished_at)
    run_job(job)

    assert (row_counts(job), errors_of(job), products(user), job.finished_at) == before
    assert row_counts(job) == RowCounts(created=1, failed=1)


def test_numbers_that_lost_leading_zeros_are_refused(private: MemoryStore, user: User) -> None:
    Product.objects.create(user=user, sku="00123", name="Known")

    job = import_table(user, "sku,name\n123,Known\n124,New\n1.2E+12,Long\n")

    columns_and_codes = [(column, code) for _, _, column, code in errors_of(job)]
    assert columns_and_codes == [("sku", "excel_damage")] * 2
    assert row_counts(job) == RowCounts(created=1, failed=2)
    message = BulkUploadRowError.objects.get(row=1).message
    assert message == (
        "Excel dropped leading zeros: a product has the SKU 00123. "
        "Format the column as Text and enter the full number."
    )


def test_short_numbers_may_have_more_widths_than_a_statement_has_parameters(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.BULK_CHUNK_ROWS = 7000  # numbers of four digits, which can be padded to eleven widths
    Product.objects.create(user=user, sku="00000000001234", name="Known")

    job = import_table(user, "sku,name\n" + "".join(f"{1000 + n},Shoe\n" for n in range(7000)))

    assert [error[1] for error in errors_of(job)] == [236]
    assert row_counts(job) == RowCounts(created=6999, failed=1)
