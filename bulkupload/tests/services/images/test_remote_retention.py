"""Remote images that no import needs are deleted after their retention period."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from bulkupload.models import (
    BatchStatus,
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services import retention


def remote_image(user: User, number: int, *, days: int) -> RemoteImage:
    row: RemoteImage = RemoteImage.objects.create(
        user=user,
        url=f"https://images.example/{number}.jpg",
        url_hash=f"{number:064x}",
        status=RemoteStatus.FETCHED,
    )
    updated_at = timezone.now() - timedelta(days=days)
    RemoteImage.objects.filter(pk=row.pk).update(updated_at=updated_at)
    return row


def batch_of(user: User, image: RemoteImage, status: BatchStatus) -> None:
    job = BulkUploadJob.objects.create(
        user=user, status=JobStatus.RUNNING, filename="a.csv", source_key="bulk/a", source_size=1
    )
    chunk = BulkUploadChunk.objects.create(
        job=job, number=0, start=0, length=1, first_line=2, first_row=1, rows=1
    )
    batch = BulkUploadMediaBatch.objects.create(job=job, chunk=chunk, status=status)
    batch.remotes.add(image)


def test_old_images_are_deleted_unless_an_import_waits_for_them(user: User) -> None:
    old_image, waiting_image, imported_image, recent_image = (
        remote_image(user, number, days=days)
        for number, days in enumerate((181, 181, 181, 179), start=1)
    )
    batch_of(user, waiting_image, BatchStatus.WAITING)
    batch_of(user, imported_image, BatchStatus.DONE)

    assert retention.discard_old_remote_images() == 2

    remaining = set(RemoteImage.objects.all())
    assert remaining == {waiting_image, recent_image}
    assert old_image not in remaining
