"""Noting what became of the files that were shown: ready, or failed with a warning."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from bulkupload.models import BulkUploadJob, BulkUploadMedia, MediaStatus
from bulkupload.rules.rows.image_cells import Problem
from bulkupload.services import lifecycle
from bulkupload.services.images import outcomes as media_counts
from bulkupload.services.images.outcomes import Outcome, Pictures
from bulkupload.services.rows import merge
from media.models import MediaResource, ResourceStatus
from media.rules.failures import sentence_for

PAGE = 500  # rows looked at in one transaction

Ends = Mapping[str, tuple[str, str]]


def settle_job(job_id: UUID) -> None:
    """Note the ends of a job's files; finish the job, or look again in a moment."""
    settle(job_id)
    lifecycle.advance(job_id)


def settle(job_id: UUID, *, batch_id: UUID | None = None) -> None:
    """Note which shown files are ready or failed, of one batch or of all."""
    rows = BulkUploadMedia.objects.filter(job_id=job_id, status=MediaStatus.SHOWN)
    if batch_id is not None:
        rows = rows.filter(batch_id=batch_id)
    after: UUID | None = None
    while True:
        page = rows.filter(pk__gt=after) if after else rows
        ids = list(page.order_by("pk").values_list("pk", flat=True)[:PAGE])
        if not ids:
            return
        after = ids[-1]
        try:
            _settle_page(job_id, ids)
        except lifecycle.JobStoppedError:
            return


def _settle_page(job_id: UUID, ids: list[UUID]) -> None:
    with transaction.atomic():
        lifecycle.require_running(job_id)
        shown = BulkUploadMedia.objects.filter(pk__in=ids, status=MediaStatus.SHOWN)
        locked = shown.select_for_update(of=("self",), skip_locked=True).order_by("pk")
        rows = list(locked.defer("cells"))  # for warnings only, up to 1 MiB
        ends = _ends(rows)
        outcomes: list[Outcome] = []
        problems: list[Problem] = []
        for row in rows:
            outcome = _outcome(row, ends)
            if outcome is None:
                continue
            outcomes.append(outcome)
            problems.extend(_problems(row, ends, ended=outcome[1] != MediaStatus.SHOWN))
        merge.keep_warnings(BulkUploadJob(pk=job_id), problems)
        media_counts.note(outcomes)


def _ends(rows: list[BulkUploadMedia]) -> Ends:
    """Return status and failure of each resource; one that is gone was ready and replaced."""
    ids = {each for row in rows for each in row.resources if each}
    facts = MediaResource.objects.filter(pk__in=ids).values_list("pk", "status", "failure_code")
    known = {str(pk): (status, code) for pk, status, code in facts}
    return {each: known.get(each, (ResourceStatus.READY.value, "")) for each in ids}


def _outcome(row: BulkUploadMedia, ends: Ends) -> Outcome | None:
    """Return where the pictures of a row stand, None when nothing has changed."""
    statuses = [ends[each][0] if each else ResourceStatus.FAILED for each in row.resources]
    now = Pictures(
        pending=statuses.count(ResourceStatus.PENDING),
        ready=statuses.count(ResourceStatus.READY),
        failed=statuses.count(ResourceStatus.FAILED),
    )
    if (now.pending, now.ready, now.failed) == (row.pending, row.ready, row.failed):
        return None
    if now.pending:
        return row, MediaStatus.SHOWN, now
    return row, MediaStatus.FAILED if now.failed else MediaStatus.READY, now


def _problems(row: BulkUploadMedia, ends: Ends, *, ended: bool) -> list[Problem]:
    """Return the warnings about a row's files, once all of them have an end."""
    failed = [index for index, each in enumerate(row.resources) if each and ends[each][1]]
    if not ended:
        return []
    return [
        Problem(
            row=row.row,
            line=row.line,
            slot=row.slot,
            index=index,
            column=row.column,
            url=row.urls[index],
            code=ends[row.resources[index]][1],
            message=sentence_for(ends[row.resources[index]][1]),
            cells=row.cells,
            is_late=True,
        )
        for index in failed
    ]
