"""Deleting objects: queued in the transaction that makes them useless, done after commit."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from media import deferred
from media.errors import ForeignEnvironmentError, StoreRefusedError, StoreUnavailableError
from media.models import (
    Bucket,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    Upload,
    UploadState,
)
from media.rules import keys
from media.services.environment import require_own_environment
from media.storage import ObjectStore, private_store, public_store
from sartiq.core.work import leases
from sartiq.core.work.crash_points import reach

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
FIRST_RETRY_DELAY = timedelta(seconds=10)
MAX_RETRY_DELAY = timedelta(hours=6)
DELETION_BATCH_SIZE = 1000  # what one call of a store may name
REFUSED = "refused"
NEEDED_RETRY_DELAY = timedelta(minutes=5)  # until an object still in use is looked at again
PENDING_DELETION_DELAY = timedelta(hours=1)  # far longer than any request that stores an object


def queue(
    object_keys: Iterable[str],
    *,
    reason: DeletionReason,
    bucket: Bucket = Bucket.PUBLIC,
    told: bool = True,
) -> None:
    """Queue objects for deletion in the caller's transaction; one already queued stays queued.

    Without `told` no worker hears of them before beat's next round.
    """
    rows = [
        ObjectDeletion(bucket=bucket, key=key, reason=reason) for key in sorted(set(object_keys))
    ]
    ObjectDeletion.objects.bulk_create(rows, ignore_conflicts=True)
    if told and rows:
        deferred.delete_objects()


def queue_deletion_on_failure(key: str, *, bucket: Bucket, reason: DeletionReason) -> None:
    """Queue an object that is about to be stored, so that nothing stays if its row never comes."""
    row = ObjectDeletion(
        bucket=bucket, key=key, reason=reason, run_after=Now() + PENDING_DELETION_DELAY
    )
    ObjectDeletion.objects.bulk_create([row], ignore_conflicts=True)


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


def perform_due() -> int:
    """Delete due objects, at most a batch of each bucket; return the size of the largest batch.

    A store that fails is tried again with growing pauses; after eight tries a row becomes a dead
    letter for staff. An object some row still needs is left alone, and nothing is touched in a
    bucket that is not this environment's.
    """
    return _perform(ObjectDeletion.objects.due())


def perform(deletion_id: UUID) -> None:
    """Delete one queued object if it is due."""
    _perform(ObjectDeletion.objects.due().filter(pk=deletion_id))


def _perform(rows: QuerySet[ObjectDeletion]) -> int:
    """Delete a batch of `rows`, bucket by bucket: a lease lasts as long as one call."""
    if not _may_delete():
        return 0
    return max(_delete_batch(bucket, rows.filter(bucket=bucket)) for bucket in Bucket)


def _delete_batch(bucket: Bucket, rows: QuerySet[ObjectDeletion]) -> int:
    holder = uuid4()
    taken = _take(rows, holder)
    needed = _needed(bucket, taken)
    held = ObjectDeletion.objects.filter(lease_holder=holder)
    _release(held, needed, after=NEEDED_RETRY_DELAY)
    useless = [row for row in taken if row not in needed]
    if useless:
        reach("K13")
        faults = _delete(_store(bucket), [row.key for row in useless])
        reach("K14")
        gone = [row.pk for row in useless if row.key not in faults]
        held.filter(pk__in=gone).delete()
        _record_failures(held, [row for row in useless if row.key in faults], faults)
    return len(taken)


def _take(rows: QuerySet[ObjectDeletion], holder: UUID) -> list[ObjectDeletion]:
    """Take the lease of up to a batch of rows; one that another worker looks at is left to it."""
    with transaction.atomic():
        locked = rows.order_by("run_after").select_for_update(skip_locked=True)
        taken = list(locked[:DELETION_BATCH_SIZE])
        ObjectDeletion.objects.filter(pk__in=[row.pk for row in taken]).update(
            **leases.taken_by(holder)
        )
    if taken:
        reach("lease-taken")
    for row in taken:
        row.attempts += 1
    return taken


def _needed(bucket: Bucket, rows: Collection[ObjectDeletion]) -> set[ObjectDeletion]:
    """Return those whose object some resource still reads or is about to own.

    A READY image without a thumbnail needs none: one that is there was left by a crash.
    """
    if bucket != Bucket.PUBLIC or not rows:
        return set()
    owners = {row.key: keys.resource_id_of(row.key) for row in rows}
    named = Q(storage_key__in=owners) | Q(pk__in=[pk for pk in owners.values() if pk])
    usable = MediaResource.objects.usable().filter(named).values_list("pk", "storage_key")
    found = {value for pair in usable for value in pair}
    lacking = MediaResource.objects.lacking_thumbnail().filter(pk__in=found & {*owners.values()})
    strays = {keys.thumbnail_key(pk) for pk in lacking.values_list("pk", flat=True)}
    needed = {row for row in rows if row.key in found or owners[row.key] in found}
    return {row for row in needed if row.key not in strays}


def _release(
    held: QuerySet[ObjectDeletion], rows: Collection[ObjectDeletion], *, after: timedelta
) -> None:
    """Give rows back that are not to blame, to be taken again after a pause."""
    if rows:
        held.filter(pk__in=[row.pk for row in rows]).update(
            **leases.released(after=after, uncounted=True)
        )


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
        deferred.delete_objects()


def _store(bucket: Bucket) -> ObjectStore:
    return public_store() if bucket == Bucket.PUBLIC else private_store()


def _delete(store: ObjectStore, object_keys: list[str]) -> dict[str, str]:
    """Delete objects in one call; return what went wrong by key."""
    try:
        failures = store.delete_many(object_keys)
    except StoreRefusedError:
        return dict.fromkeys(object_keys, REFUSED)
    except StoreUnavailableError as error:
        return dict.fromkeys(object_keys, error.detail)
    return {each.key: f"{each.code} {each.message}".strip() for each in failures}


def _record_failures(
    held: QuerySet[ObjectDeletion], rows: Iterable[ObjectDeletion], faults: Mapping[str, str]
) -> None:
    """Write down what went wrong: one statement for all rows it went wrong with alike."""
    alike: defaultdict[tuple[str, int], list[UUID]] = defaultdict(list)
    for row in rows:
        alike[faults[row.key], row.attempts].append(row.pk)
    for (fault, attempts), ids in alike.items():
        refused = fault == REFUSED  # wrong credentials: no object is at fault, so none is given up
        held.filter(pk__in=ids).update(
            last_error=fault[:255],
            last_attempted_at=Now(),
            dead=attempts >= MAX_ATTEMPTS and not refused,
            updated_at=Now(),
            **leases.released(after=retry_delay(attempts), uncounted=refused),
        )


def retry_delay(attempts: int) -> timedelta:
    """Return the pause after that many failed tries: doubling from 10 s up to 6 h."""
    doublings: int = 2 ** min(max(attempts - 1, 0), 20)
    return min(FIRST_RETRY_DELAY * doublings, MAX_RETRY_DELAY)
