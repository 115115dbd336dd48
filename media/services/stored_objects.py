"""Objects that are stored before the row that uses them is saved.

The deletion of the object is queued before it is stored, and cancelled in the transaction that
saves the row. A crash at any step leaves either the object and its row, or a queued deletion.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now

from media.models import Bucket, DeletionReason, ObjectDeletion
from media.storage import Body, ObjectHeaders, ObjectStore
from sartiq.core.errors import InvalidError
from sartiq.core.work.retry_policy import RetryRowError

PENDING_DELETION_DELAY = timedelta(hours=1)  # longer than any request that stores an object


class StoringTooSlowError(InvalidError, RetryRowError):
    """Raised when storing took so long that the object may already be deleted.

    A client must send its file again; a worker retries its row.
    """

    message = "Storing the file took too long. Send it again."


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object that is deleted after an hour unless its deletion is cancelled."""

    bucket: Bucket
    key: str
    size: int
    etag: str

    def cancel_deletion(self) -> None:
        """Cancel the deletion, in the transaction that saves the row using the object.

        Raises StoringTooSlowError.
        """
        pending = ObjectDeletion.objects.alive().filter(
            bucket=self.bucket, key=self.key, attempts=0
        )
        count, _ = pending.delete()
        if count != 1:
            raise StoringTooSlowError


def put(
    store: ObjectStore,
    key: str,
    body: Body,
    *,
    headers: ObjectHeaders,
    bucket: Bucket = Bucket.PRIVATE,
    reason: DeletionReason = DeletionReason.EXPIRED,
) -> StoredObject:
    """Queue the deletion of an object for an hour from now, then store it in `bucket`."""
    row = ObjectDeletion(
        bucket=bucket, key=key, reason=reason, run_after=Now() + PENDING_DELETION_DELAY
    )
    ObjectDeletion.objects.bulk_create([row], ignore_conflicts=True)
    head = store.put(key, body, headers=headers)
    return StoredObject(bucket=bucket, key=key, size=head.size, etag=head.etag)
