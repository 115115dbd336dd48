"""Cleanup of resources without an attachment.

Without `execute` nothing changes. A resource is locked first and checked afterwards; the row goes
first, its objects after commit. See `docs/design/cleanup.md`.

The grace period is `UNATTACHED_GRACE` (media/rules/limits.py).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.fields.reverse_related import ManyToOneRel
from django.db.models.functions import Now

from media.actions import MediaAction
from media.models import DeletionReason, MediaResource, MediaResourceQuerySet, Upload, UploadState
from media.rules import limits
from media.services import deletions
from media.services.cleanup.grace import database_now, require_grace
from media.services.cleanup.report import (
    BATCH_SIZE,
    UNLIMITED,
    CleanupReport,
    ProgressCallback,
    ignore_progress,
    record_finished,
)
from media.services.environment import require_own_environment
from sartiq.core import events
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import ContentionError
from sartiq.core.work.exclusive import exclusive


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    pk: UUID
    key: str
    size: int
    unattached_at: datetime | None


def discard(
    *,
    older_than: timedelta = limits.UNATTACHED_GRACE,
    limit: int | None = None,
    execute: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> CleanupReport:
    """Discard unprotected resources that had no attachment during the whole grace period.

    `on_progress` is called with the number of resources checked. Raises GraceTooShortError,
    ForeignEnvironmentError, AlreadyRunningError, StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    report = CleanupReport(executed=execute)
    with exclusive("media.cleanup_orphaned_media"):
        before = database_now() - older_than
        for batch in _batches(before, max_rows=UNLIMITED if limit is None else limit):
            for candidate in batch:
                report.add_candidate(candidate.key, candidate.size)
            if execute:
                ids = [candidate.pk for candidate in batch]
                report.discarded += discard_unless_busy(ids, candidates=_orphans(before))
            on_progress(len(batch))
    record_finished("media resources", report)
    return report


def _batches(before: datetime, *, max_rows: int) -> Iterator[list[_Candidate]]:
    """Yield the orphans in batches, those unattached for longest first."""
    last: _Candidate | None = None
    while max_rows > 0:
        rows = _orphans(before).order_by("unattached_at", "pk")
        if last is not None:
            later = Q(unattached_at__gt=last.unattached_at)
            rows = rows.filter(later | Q(unattached_at=last.unattached_at, pk__gt=last.pk))
        values = rows.values_list("pk", "storage_key", "file_size", "unattached_at")
        batch = [
            _Candidate(pk=pk, key=key, size=size, unattached_at=unattached_at)
            for pk, key, size, unattached_at in values[: min(BATCH_SIZE, max_rows)]
        ]
        if not batch:
            return
        yield batch
        max_rows -= len(batch)
        last = batch[-1]


def _orphans(before: datetime) -> MediaResourceQuerySet:
    """Return the orphans that no PENDING resource is being copied from."""
    copies = MediaResource.objects.pending().filter(copied_from=OuterRef("pk"))
    orphans: MediaResourceQuerySet = MediaResource.objects.orphaned(before=before)
    return orphans.exclude(Exists(copies))


def discard_unless_busy(
    ids: Collection[UUID],
    *,
    candidates: MediaResourceQuerySet,
    reason: DeletionReason = DeletionReason.ORPHANED,
    cause: str = "unattached",
) -> int:
    """Delete those rows that are still candidates and queue their objects; return how many.

    `cause` is recorded with the event of each row.
    Rows that another transaction holds are left for the next run.
    """
    discarded = 0
    try:
        for attempt in retry_on_contention():
            with attempt, transaction.atomic():
                discarded = _discard_batch(ids, candidates, reason, cause)
    except ContentionError:
        return 0
    return discarded


def _discard_batch(
    ids: Collection[UUID], candidates: MediaResourceQuerySet, reason: DeletionReason, cause: str
) -> int:
    rows = MediaResource.with_deleted.filter(pk__among=ids).order_by("content_hash", "pk")
    locked = set(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    uploads = Upload.objects.filter(resource_id__in=locked)
    held = set(uploads.select_for_update(skip_locked=True).values_list("pk", flat=True))
    busy = {owner for pk, owner in uploads.values_list("pk", "resource_id") if pk not in held}
    # Checked again under the locks: they may have been attached or restored since.
    discarded = list(candidates.filter(pk__among=locked - busy))
    events.record_each(MediaAction.RESOURCE_DISCARDED, discarded, reason=cause)
    unneeded = [row.pk for row in discarded]
    uploads.claimed().filter(resource_id__in=unneeded).update(
        state=UploadState.EXPIRED, updated_at=Now()
    )
    _delete_rows(unneeded)
    # A FAILED resource has its temporary object, and an attempt may have left a canonical copy.
    object_keys = {key for row in discarded for key in {row.storage_key} | row.own_keys}
    deletions.queue(object_keys, reason=reason)
    return len(discarded)


def _delete_rows(ids: Collection[UUID]) -> None:
    """Delete resources with one statement for each table that refers to them.

    Django's own `delete` takes a statement for each hundred rows. `media/rules/references.py` lists
    the references; the database refuses to delete a row that another one refers to.
    """
    relations = MediaResource._meta.get_fields(include_hidden=True)  # noqa: SLF001  Django's own API
    for relation in relations:
        if isinstance(relation, ManyToOneRel) and relation.on_delete is models.SET_NULL:
            referring = relation.related_model._base_manager  # noqa: SLF001  the same
            name = relation.field.name
            referring.filter(**{f"{name}__in": list(ids)}).update(**{name: None})
    rows = MediaResource.with_deleted.filter(pk__among=ids)
    rows._raw_delete(rows.db)  # noqa: SLF001  `delete` without reading related rows first
