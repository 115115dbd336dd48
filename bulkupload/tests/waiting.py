"""Running imports and photo batches that wait for a worker, created in a few statements."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from django.utils import timezone

from accounts.models import User
from bulkupload.models import (
    BatchStatus,
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    ChunkStatus,
    JobStatus,
    MediaStatus,
    OnExisting,
    PhotoBatch,
    PhotoBatchStatus,
    PhotoFile,
    PhotoStatus,
)
from catalog.models import Product
from media.models import MediaResource, ResourceType
from media.tests.factories import PNG
from sartiq.core.models import new_id

BATCH_SIZE = 1000  # rows of one statement


def pending_resources(user: User, count: int) -> list[MediaResource]:
    """Create resources that wait for their relocation."""
    rows = (
        MediaResource(
            user=user,
            resource_type=ResourceType.IMAGE,
            storage_key=f"temp/{number}",
            content_hash=sha256(new_id().bytes).hexdigest(),
            content_type=PNG,
            extension="png",
            file_size=1,
            sent_at=timezone.now(),
        )
        for number in range(count)
    )
    return MediaResource.objects.bulk_create(rows, batch_size=BATCH_SIZE)


def waiting_imports(user: User, count: int, *, images: int = 1) -> list[BulkUploadJob]:
    """Create running imports whose images are attached but not yet READY, one in each row."""
    jobs = _running_imports(user, count)
    batches = _attached_batches(jobs, images=images)
    resources = iter(pending_resources(user, count * images))
    rows = (
        BulkUploadMedia(
            job_id=batch.job_id,
            batch=batch,
            product_id=new_id(),
            slot="images",
            row=row,
            line=row + 1,
            column="images",
            urls=["https://files.example/a.png"],
            resources=[str(next(resources).pk)],
            status=MediaStatus.ATTACHED,
            pending=1,
        )
        for batch in batches
        for row in range(1, images + 1)
    )
    BulkUploadMedia.objects.bulk_create(rows, batch_size=BATCH_SIZE)
    return jobs


def _running_imports(user: User, count: int) -> list[BulkUploadJob]:
    values = {"filename": "a.csv", "source_key": "a", "source_size": 1, "total_rows": 1}
    running_fields = {"status": JobStatus.RUNNING, "planned_at": timezone.now()}
    return BulkUploadJob.objects.bulk_create(
        BulkUploadJob(user=user, **values, **running_fields) for _ in range(count)
    )


def _attached_batches(jobs: list[BulkUploadJob], *, images: int) -> list[BulkUploadMediaBatch]:
    """Create for each job an imported chunk, with a batch whose images are attached."""
    values = {"number": 0, "start": 0, "length": 1, "first_line": 1, "first_row": 1}
    done_fields = {"status": ChunkStatus.DONE, "rows": 1, "created": 1}
    chunks = BulkUploadChunk.objects.bulk_create(
        BulkUploadChunk(job=job, **values, **done_fields) for job in jobs
    )
    attached_fields = {"status": BatchStatus.DONE, "pending": images}
    return BulkUploadMediaBatch.objects.bulk_create(
        BulkUploadMediaBatch(job=chunk.job, chunk=chunk, **attached_fields) for chunk in chunks
    )


def waiting_photo_batches(
    user: User, count: int, *, statuses: Sequence[PhotoStatus] = (PhotoStatus.ATTACHED,)
) -> list[PhotoBatch]:
    """Create running batches, the oldest first, with a photo of each of these statuses.

    The photos of a batch are for one slot. They are enqueued, and their resources are PENDING.
    """
    now = timezone.now()
    batches = PhotoBatch.objects.bulk_create(
        PhotoBatch(
            user=user,
            status=PhotoBatchStatus.RUNNING,
            on_existing=OnExisting.REPLACE,
            last_arrival_at=now + timedelta(microseconds=number),
            started_at=now,
        )
        for number in range(count)
    )
    resources = iter(pending_resources(user, count * len(statuses)))
    for batch in batches:
        product = Product.objects.create(user=user, name="Shoe")
        PhotoFile.objects.bulk_create(
            PhotoFile(
                batch=batch,
                path=f"{number}.png",
                content_type=PNG,
                file_size=1,
                status=status,
                product_id=product.pk,
                slot="images",
                resource_id=next(resources).pk,
                sent_at=now,
            )
            for number, status in enumerate(statuses)
        )
    return batches
