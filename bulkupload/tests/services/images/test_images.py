"""Uploaded images are attached to the slots of their products."""

from typing import cast
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory
from bulkupload.models import BulkUploadMedia, JobStatus
from bulkupload.services import error_file
from bulkupload.tests.images import canonical_url, hashes_of, image_hashes_of, upload_three_images
from bulkupload.tests.importing import (
    ImageCounts,
    RowCounts,
    errors_of,
    image_counts,
    import_table,
    parameter_counts,
    row_counts,
)
from catalog.models import Product
from media.models import Attachment, MediaResource, ResourceStatus
from media.rules import keys
from media.storage import factory
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, ready_resource, upload_file
from media.tests.stores import WatchedStore


@pytest.mark.covers("T61")
def test_uploaded_images_are_attached_to_their_slots(public: MemoryStore, user: User) -> None:
    one, two, three = upload_three_images(public, user)
    resource = ready_resource(public, user, photo(4))

    job = import_table(
        user,
        "sku,name,cover_image,back_image,images\n"
        f"A,Shoe,{one},{canonical_url(resource)},{two} | {three}|\n"
        f"B,Boot,{one},,\n",
    )

    assert job.status == JobStatus.COMPLETED
    assert row_counts(job) == RowCounts(created=2)
    assert image_counts(job) == ImageCounts(ready=5)
    assert image_hashes_of("A") == {
        "cover_image": hashes_of(one),
        "back_image": [resource.content_hash[:8]],
        "images": hashes_of(two, three),
    }
    assert image_hashes_of("B") == {"cover_image": hashes_of(one)}
    assert set(MediaResource.objects.values_list("status", flat=True)) == {ResourceStatus.READY}


def test_importing_the_same_table_again_fetches_and_writes_nothing(
    public: MemoryStore, user: User, private: MemoryStore
) -> None:
    one, two, three = upload_three_images(public, user)
    table = f"sku,name,cover_image,images\nA,Shoe,{one},{two}|{three}\nB,Boot,{three},\n"
    import_table(user, table)
    before = list(Product.objects.order_by("sku").values_list("updated_at", flat=True))
    attachment_ids = set(Attachment.objects.values_list("pk", flat=True))
    BulkUploadMedia.objects.all().delete()
    store = cast("WatchedStore", factory.public_store())
    calls = store.calls

    job = import_table(user, table)

    assert row_counts(job) == RowCounts(unchanged=2)
    assert image_counts(job) == ImageCounts()
    assert not BulkUploadMedia.objects.exists()
    assert store.calls == calls
    assert list(Product.objects.order_by("sku").values_list("updated_at", flat=True)) == before
    assert set(Attachment.objects.values_list("pk", flat=True)) == attachment_ids


def test_an_import_repairs_an_image_whose_object_is_missing(
    public: MemoryStore, user: User
) -> None:
    resource = ready_resource(public, user, photo(1))
    public.delete_many([resource.storage_key])

    job = import_table(
        user, f"sku,name,cover_image\nA,Shoe,{upload_file(public, user, photo(1))}\n"
    )

    assert image_counts(job) == ImageCounts(ready=1)
    resource.refresh_from_db()
    assert (resource.status, public.body(resource.storage_key)) == (ResourceStatus.READY, photo(1))
    assert resource.attachments.count() == 2


def test_an_empty_cell_clears_a_slot_and_an_absent_column_leaves_it(
    public: MemoryStore, user: User
) -> None:
    one, two, three = upload_three_images(public, user)
    import_table(
        user, f"sku,name,cover_image,back_image,images\nA,Shoe,{one},{two},{two}|{three}\n"
    )

    job = import_table(user, "sku,name,cover_image,images\nA,Shoe,,\n")

    assert row_counts(job) == RowCounts(unchanged=1)
    assert image_counts(job) == ImageCounts()
    assert image_hashes_of("A") == {"back_image": hashes_of(two)}
    unattached = MediaResource.objects.filter(unattached_at__isnull=False)
    assert unattached.count() == 2


SHOPIFY = (
    "Handle,Title,Variant SKU,Image Src,Image Position\n"
    "boot,Boot,B-40,{two},2\n"
    "boot,,B-41,,\n"
    "boot,,,{one},1\n"
    "boot,,,{three},3\n"
    "shoe,,S-1,{three},\n"
)


@pytest.mark.parametrize("rows", [1, 100])
def test_a_shopify_export_gives_all_variants_the_images_of_their_handle(
    public: MemoryStore, user: User, settings: Settings, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows
    one, two, three = upload_three_images(public, user)

    job = import_table(user, SHOPIFY.format(one=one, two=two, three=three))

    assert row_counts(job) == RowCounts(created=2, failed=1)
    assert image_counts(job) == ImageCounts(ready=6)
    assert image_hashes_of("B-40") == {"images": hashes_of(one, two, three)}
    assert image_hashes_of("B-41") == image_hashes_of("B-40")
    assert errors_of(job) == [(3, 6, "Title", "missing")]
    fixed_table = (
        b"".join(error_file.error_file(job)).decode().replace('"shoe",""', '"shoe","Shoe"')
    )
    second_job = import_table(user, fixed_table)
    assert (row_counts(second_job), image_counts(second_job)) == (
        RowCounts(created=1),
        ImageCounts(ready=1),
    )
    assert image_hashes_of("S-1") == {"images": hashes_of(three)}


def test_a_refused_variant_has_the_images_of_its_handle_in_the_error_file(
    public: MemoryStore, user: User
) -> None:
    one, two, _ = upload_three_images(public, user)
    job = import_table(
        user,
        f"Handle,Title,Variant SKU,Image Src\nboot,,B-40,{one}\nboot,,,{two}\n",
    )
    fixed_table = (
        b"".join(error_file.error_file(job)).decode().replace('"boot",""', '"boot","Boot"')
    )

    second_job = import_table(user, fixed_table)

    assert row_counts(second_job) == RowCounts(created=1)
    assert image_hashes_of("B-40") == {"images": hashes_of(one, two)}


def test_images_of_an_organization_are_copied_for_it(public: MemoryStore, user: User) -> None:
    membership = MembershipFactory.create(user=user)
    scope = OwnerScope(user_id=user.pk, organization_id=membership.organization_id)
    personal = ready_resource(public, user, photo(5))
    table = f"sku,name,cover_image\nA,Shoe,{canonical_url(personal)}\n"

    job = import_table(user, table, scope=scope)

    assert image_counts(job) == ImageCounts(ready=1)
    [resource] = MediaResource.objects.in_scope(scope)
    assert resource.copied_from_id == personal.pk
    assert image_hashes_of("A") == {"cover_image": [personal.content_hash[:8]]}
    second_job = import_table(user, table, scope=scope)
    assert image_counts(second_job) == ImageCounts()


def test_the_number_of_parameters_does_not_grow_with_the_number_of_images(
    public: MemoryStore, user: User
) -> None:
    """PostgreSQL allows 65,535, and a chunk may have more images."""
    resource = ready_resource(public, user, photo(1))
    max_counts = []
    for sku, image_count in (("A", 2), ("B", 50)):
        unknown_urls = [
            f"{django_settings.CDN_URL}/{keys.canonical_key(uuid4(), 'jpg')}"
            for _ in range(image_count - 1)
        ]
        table = (
            f"sku,name,images\n{sku},Shoe,{'|'.join([canonical_url(resource), *unknown_urls])}\n"
        )
        with parameter_counts() as parameters:
            job = import_table(user, table)
        max_counts.append(max(parameters))
        assert image_counts(job) == ImageCounts(ready=1, failed=image_count - 1)

    assert max_counts[0] == max_counts[1]
