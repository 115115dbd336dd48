"""Saving which attached images became ready, and warnings about those that failed."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from bulkupload.models import BulkUploadJob, BulkUploadMedia, MediaStatus
from bulkupload.rules.rows.image_cells import ImageWarning
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.images import outcomes
from bulkupload.services.images.outcomes import ImageCounts, Outcome
from media.models import MediaResource, ResourceStatus
from media.rules.failures import sentence_for

PAGE_SIZE = 500  # rows in one transaction

ResourceStates = Mapping[str, tuple[str, str]]  # the status and the failure code, by resource id


def finish_job(job_id: UUID) -> None:
    """Save the outcomes of a job's images; finish the job, or check again in about a second."""
    update_outcomes(job_id)
    lifecycle.advance(job_id)


def update_outcomes(job_id: UUID, *, batch_id: UUID | None = None) -> None:
    """Save which attached images of one batch, or of all, are ready or failed."""
    rows = BulkUploadMedia.objects.with_unsaved_outcome().filter(job_id=job_id)
    if batch_id is not None:
        rows = rows.filter(batch_id=batch_id)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), PAGE_SIZE):
        try:
            _update_page(job_id, ids[start : start + PAGE_SIZE])
        except lifecycle.JobStoppedError:
            return


def _update_page(job_id: UUID, ids: list[UUID]) -> None:
    with transaction.atomic():
        lifecycle.require_running(job_id)
        attached = BulkUploadMedia.objects.filter(pk__in=ids, status=MediaStatus.ATTACHED)
        locked = attached.select_for_update(of=("self",), skip_locked=True).order_by("pk")
        rows = list(locked.defer("cells"))  # up to 1 MiB, needed for warnings only
        states = _states_of(rows)
        changed = [outcome for row in rows if (outcome := _outcome(row, states))]
        warnings = [
            warning
            for row, status, _ in changed
            if status != MediaStatus.ATTACHED
            for warning in _warnings(row, states)
        ]
        row_errors.save_warnings(BulkUploadJob(pk=job_id), warnings)
        outcomes.save(changed)


def _states_of(rows: list[BulkUploadMedia]) -> ResourceStates:
    """Return the state of each resource; a deleted one counts as ready, since it was replaced."""
    ids = {pk for row in rows for pk in row.resources if pk}
    resources = MediaResource.objects.filter(pk__in=ids)
    fields = resources.values_list("pk", "status", "failure_code")
    states = {str(pk): (status, code) for pk, status, code in fields}
    return {pk: states.get(pk, (ResourceStatus.READY.value, "")) for pk in ids}


def _outcome(row: BulkUploadMedia, states: ResourceStates) -> Outcome | None:
    """Return the outcome of a row's images, None if it has not changed."""
    statuses = [states[pk][0] if pk else ResourceStatus.FAILED for pk in row.resources]
    counts = ImageCounts(
        pending=statuses.count(ResourceStatus.PENDING),
        ready=statuses.count(ResourceStatus.READY),
        failed=statuses.count(ResourceStatus.FAILED),
    )
    if (counts.pending, counts.ready, counts.failed) == (row.pending, row.ready, row.failed):
        return None
    if counts.pending:
        return row, MediaStatus.ATTACHED, counts
    return row, MediaStatus.FAILED if counts.failed else MediaStatus.READY, counts


def _warnings(row: BulkUploadMedia, states: ResourceStates) -> list[ImageWarning]:
    """Return the warnings about the failed images of a row."""
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
            found_in_file=True,
        )
        for index, pk in enumerate(row.resources)
        if pk and (code := states[pk][1])
    ]
