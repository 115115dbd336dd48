"""The file of a product that was deleted during the import is cleaned up later."""

import pytest

from accounts.models import User
from bulkupload.models import JobStatus
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.images import upload_three_images
from bulkupload.tests.importing import chunk_ids, run_job, start_job
from catalog.models import Product
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore


@pytest.mark.covers("L06")
def test_the_grace_period_starts_for_a_file_of_a_deleted_product(
    public: MemoryStore, user: User
) -> None:
    one, two, _ = upload_three_images(public, user)
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{one}\nB,Boot,{two}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    Product.objects.filter(sku="A").delete()

    run_job(job)

    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED
    unattached_resource = MediaResource.objects.get(attachments__isnull=True)
    assert unattached_resource.unattached_at is not None
    attached_resource = MediaResource.objects.get(
        attachments__entity_id=Product.objects.get(sku="B").pk
    )
    assert attached_resource.unattached_at is None
