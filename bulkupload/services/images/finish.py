"""Saving which attached pictures became ready, and a warning for those that failed."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from bulkupload.models import BulkUploadJob, BulkUploadMedia, MediaStatus
from bulkupload.rules.rows.image_cells import ImageWarning
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.images import outcomes
from bulkupload.services.images.outcomes import Outcome, Pictures
from media.models import MediaResource, ResourceStatus
from media.rules.failures import sentence_for

PAGE_SIZE = 500  # rows of one transaction

ResourceStates = Mapping[str, tuple[str, str]]  # by resource: its status and its failure code


def finish_job(job_id: UUID) -> None:
    """Save the outcomes of a job's pictures; finish the job, or check again in a moment."""
    update_outcomes(job_id)
    lifecycle.advance(job_id)


def update_outcomes(job_id: UUID, *, batch_id: UUID | None = None) -> None:
    """Save which attached pictures of one batch, or of all, are ready or failed."""
    rows = BulkUploadMedia.objects.filter(job_id=job_id, status=MediaStatus.SHOWN)
    if batch_id is not None:
        rows = rows.filter(batch_id=batch_id)
    after: UUID | None = None
    while True:
        page = rows.filter(pk__gt=after) if after else rows
        ids = list(page.order_by("pk").values_list("pk", flat=True)[:PAGE_SIZE])
        if not ids:
            return
        after = ids[-1]
        try:
            _update_page(job_id, ids)
        except lifecycle.JobStoppedError:
            return


def _update_page(job_id: UUID, ids: list[UUID]) -> None:
    with transaction.atomic():
        lifecycle.require_running(job_id)
        attached = BulkUploadMedia.objects.filter(pk__in=ids, status=MediaStatus.SHOWN)
        locked = attached.select_for_update(of=("self",), skip_locked=True).order_by("pk")
        rows = list(locked.defer("cells"))  # for warnings only, up to 1 MiB
        states = _states_of(rows)
        changed = [outcome for row in rows if (outcome := _outcome(row, states))]
        warnings = [
            warning
            for row, status, _ in changed
            if status != MediaStatus.SHOWN
            for warning in _warnings(row, states)
        ]
        row_errors.save_warnings(BulkUploadJob(pk=job_id), warnings)
        outcomes.save(changed)


def _states_of(rows: list[BulkUploadMedia]) -> ResourceStates:
    """Return the state of each resource; one that was deleted was ready and then replaced."""
    ids = {each for row in rows for each in row.resources if each}
    resources = MediaResource.objects.filter(pk__in=ids)
    fields = resources.values_list("pk", "status", "failure_code")
    states = {str(pk): (status, code) for pk, status, code in fields}
    return {each: states.get(each, (ResourceStatus.READY.value, "")) for each in ids}


def _outcome(row: BulkUploadMedia, states: ResourceStates) -> Outcome | None:
    """Return the outcome of a row's pictures, None if it has not changed."""
    statuses = [states[each][0] if each else ResourceStatus.FAILED for each in row.resources]
    pictures = Pictures(
        pending=statuses.count(ResourceStatus.PENDING),
        ready=statuses.count(ResourceStatus.READY),
        failed=statuses.count(ResourceStatus.FAILED),
    )
    if (pictures.pending, pictures.ready, pictures.failed) == (row.pending, row.ready, row.failed):
        return None
    if pictures.pending:
        return row, MediaStatus.SHOWN, pictures
    return row, MediaStatus.FAILED if pictures.failed else MediaStatus.READY, pictures


def _warnings(row: BulkUploadMedia, states: ResourceStates) -> list[ImageWarning]:
    """Return the warnings about the failed files of a row."""
    return [
        ImageWarning(
            row=row.row,
            line=row.line,
            slot=row.slot,
            index=index,
            column=row.column,
            url=row.urls[index],
            code=code,
            message=sentence_for(code),
            cells=row.cells,
            is_late=True,
        )
        for index, each in enumerate(row.resources)
        if each and (code := states[each][1])
    ]
