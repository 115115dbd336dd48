"""Purge of the trash: entities and media resources deleted longer ago than `TRASH_DAYS`.

The setting is in sartiq/settings/environment.py; the design is in `docs/design/trash.md`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction

from catalog.actions import entity_action
from catalog.models import (
    CatalogEntity,
    Guideline,
    Look,
    Product,
    ProductionRequest,
    Subject,
)
from media.services import attachments, trash
from media.services.cleanup.grace import database_now, require_grace
from media.services.cleanup.report import (
    CleanupReport,
    ProgressCallback,
    ignore_progress,
    record_finished,
)
from media.services.environment import require_own_environment
from sartiq.core import events
from sartiq.core.work.exclusive import exclusive

PURGE_BATCH_SIZE = 500
Row = TypeVar("Row")
# What refers to others goes first.
KINDS: tuple[type[CatalogEntity], ...] = (ProductionRequest, Look, Guideline, Product, Subject)


def retention() -> timedelta:
    """Return how long deleted rows can be restored."""
    return timedelta(days=settings.TRASH_DAYS)


def purge(
    *,
    older_than: timedelta | None = None,
    limit: int | None = None,
    execute: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> CleanupReport:
    """Delete entities and media resources that have been in the trash for longer than a period.

    `limit` is the maximum number of rows. Raises GraceTooShortError,
    ForeignEnvironmentError, AlreadyRunningError and StoreUnavailableError.
    """
    older_than = retention() if older_than is None else older_than
    require_grace(older_than)
    require_own_environment()
    report = CleanupReport(executed=execute)
    with exclusive("catalog.purge_trash"):
        before = database_now() - older_than
        for model in KINDS:
            _purge_entities(model, before, _remaining(limit, report), report, on_progress)
        _purge_resources(before, _remaining(limit, report), report, on_progress)
    record_finished("deleted rows", report)
    return report


def _remaining(limit: int | None, report: CleanupReport) -> int | None:
    return None if limit is None else max(limit - report.candidates, 0)


def _purge_entities(
    model: type[CatalogEntity],
    before: datetime,
    limit: int | None,
    report: CleanupReport,
    on_progress: ProgressCallback,
) -> None:
    rows = model.with_deleted.in_trash(before=before).order_by("deleted_at", "pk")
    ids: list[UUID] = list(rows.values_list("pk", flat=True)[:limit])
    for batch in _batches(ids):
        for pk in batch:
            report.add_candidate(f"{model._meta.verbose_name} {pk}", 0)  # noqa: SLF001  Django's own
        if report.executed:
            report.discarded += _purge_batch(model, batch, before)
        on_progress(len(batch))


def _purge_batch(model: type[CatalogEntity], ids: Sequence[UUID], before: datetime) -> int:
    with transaction.atomic():
        # PostgreSQL checks the conditions again once it has the lock: a row may be restored.
        rows = model.with_deleted.in_trash(before=before).filter(pk__in=ids)
        locked = rows.select_for_update(of=("self",), skip_locked=True).order_by("pk")
        discarded = list(locked)
        unneeded = [row.pk for row in discarded]
        events.record_each(entity_action(model.entity_type, "purged"), discarded)
        attachments.detach_entities(entity_type=model.entity_type, entity_ids=unneeded)
        model.with_deleted.filter(pk__in=unneeded).delete()
    return len(unneeded)


def _purge_resources(
    before: datetime, limit: int | None, report: CleanupReport, on_progress: ProgressCallback
) -> None:
    rows = trash.purgeable(before).values_list("pk", "storage_key", "file_size")
    for batch in _batches(list(rows[:limit])):
        for _, key, size in batch:
            report.add_candidate(key, size)
        if report.executed:
            report.discarded += trash.purge([pk for pk, _, _ in batch], before=before)
        on_progress(len(batch))


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows in batches, each for one transaction."""
    for start in range(0, len(rows), PURGE_BATCH_SIZE):
        yield rows[start : start + PURGE_BATCH_SIZE]
