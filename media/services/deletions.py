"""Deleting objects: queued in the transaction that makes them useless, done after commit."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from media import deferred
from media.errors import ForeignEnvironmentError, StoreRefusedError, StoreUnavailableError
from media.models import (
    Bucket,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
    UploadState,
)
from media.rules import keys
from media.services.environment import require_own_environment
from media.storage import ObjectStore, private_store, public_store
from sartiq.core import leases
from sartiq.core.crashpoints import reach
from sartiq.core.leases import Lease

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=6)
WHILE_NEEDED = timedelta(minutes=5)  # until an object still in use is looked at again
WHILE_STORING = timedelta(hours=1)  # far longer than any request that stores an object


def queue(
    object_keys: Iterable[str],
    *,
    reason: DeletionReason,
    bucket: Bucket = Bucket.PUBLIC,
    told: bool = True,
) -> None:
    """Queue objects for deletion in the caller's transaction; one already queued stays queued.

    Thousands at once are not `told` of: the beat finds them, some at a time, and nobody else's
    work waits behind them.
    """
    rows = [
        ObjectDeletion(bucket=bucket, key=key, reason=reason) for key in sorted(set(object_keys))
    ]
    ObjectDeletion.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows if told else []:
        deferred.delete_object(row.pk)


def queue_unless_spared(key: str, *, bucket: Bucket, reason: DeletionReason) -> None:
    """Queue an object that is about to be stored, so that nothing stays if its row never comes."""
    ObjectDeletion.objects.create(
        bucket=bucket, key=key, reason=reason, run_after=Now() + WHILE_STORING
    )


def spare(key: str, *, bucket: Bucket) -> bool:
    """Take a deletion back in the transaction that needs the object; False when it was too late."""
    untouched = ObjectDeletion.objects.alive().filter(bucket=bucket, key=key, attempts=0)
    count, _ = untouched.delete()
    return count == 1


def refuse_uploads(codes: Mapping[str, str]) -> None:
    """Take uploads whose bytes were refused out of use and queue their objects for deletion."""
    with transaction.atomic():
        rows = Upload.objects.select_for_update().filter(key__in=codes, state=UploadState.ISSUED)
        for upload in rows.order_by("key"):
            upload.state, upload.refusal = UploadState.EXPIRED, codes[upload.key]
            upload.save(update_fields=["state", "refusal", "updated_at"])
            queue([upload.key], reason=DeletionReason.REFUSED)


def perform(deletion_id: UUID) -> None:
    """Delete one queued object, once, however often the task is delivered.

    A store that fails is tried again with growing pauses; after eight tries the row becomes a dead
    letter for staff. An object some row still needs is left alone, and nothing is touched in a
    bucket that is not this environment's.
    """
    if not _may_delete():
        return
    lease = leases.take(ObjectDeletion.objects.alive().filter(pk=deletion_id))
    if lease is None:
        return
    deletion = ObjectDeletion.objects.get(pk=deletion_id)
    if _needed(deletion):
        lease.release(after=WHILE_NEEDED, uncounted=True)
        return
    reach("K13")
    fault = _delete(_store(deletion), deletion.key)
    reach("K14")
    if fault is None:
        ObjectDeletion.objects.filter(pk=deletion_id).delete()
    else:
        _note_failure(lease, deletion, fault)


def _may_delete() -> bool:
    """Tell whether the buckets are ours; otherwise every deletion stays queued as it is."""
    try:
        require_own_environment()
    except (ForeignEnvironmentError, StoreUnavailableError) as error:
        log.warning("deletions_refused", reason=error.detail)
        return False
    return True


def run_again(deletion: ObjectDeletion) -> None:
    """Give a dead letter eight more tries, unless the same object is queued anew already."""
    with transaction.atomic():
        living = ObjectDeletion.objects.alive().filter(bucket=deletion.bucket, key=deletion.key)
        if living.exists():
            ObjectDeletion.objects.filter(pk=deletion.pk, dead=True).delete()
            return
        ObjectDeletion.objects.filter(pk=deletion.pk, dead=True).update(
            dead=False, attempts=0, run_after=None, updated_at=Now()
        )
        deferred.delete_object(deletion.pk)


def _needed(deletion: ObjectDeletion) -> bool:
    if deletion.bucket != Bucket.PUBLIC:
        return False
    reads = Q(storage_key=deletion.key) & ~Q(status=ResourceStatus.FAILED)
    owns = Q(pk=keys.resource_id_of(deletion.key)) & ~Q(status=ResourceStatus.FAILED)
    return MediaResource.objects.filter(reads | owns).exists()


def _store(deletion: ObjectDeletion) -> ObjectStore:
    return public_store() if deletion.bucket == Bucket.PUBLIC else private_store()


def _delete(store: ObjectStore, key: str) -> str | None:
    """Return what went wrong, None when the object is gone."""
    try:
        failures = store.delete_many([key])
    except StoreRefusedError:
        return "refused"
    except StoreUnavailableError as error:
        return error.detail
    return f"{failures[0].code} {failures[0].message}".strip() if failures else None


def _note_failure(lease: Lease[ObjectDeletion], deletion: ObjectDeletion, fault: str) -> None:
    refused = fault == "refused"  # wrong credentials: no object is at fault, so none is given up
    spent = lease.attempts >= MOST_ATTEMPTS and not refused
    ObjectDeletion.objects.filter(pk=deletion.pk, lease_holder=lease.holder).update(
        last_error=fault[:255], last_attempted_at=Now(), dead=spent, updated_at=Now()
    )
    lease.release(after=pause_after(lease.attempts), uncounted=refused)


def pause_after(attempts: int) -> timedelta:
    """Return the pause after that many failed tries: doubling from 10 s up to 6 h."""
    doublings: int = 2 ** min(max(attempts - 1, 0), 20)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)
