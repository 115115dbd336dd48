from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.http import content_disposition_header
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from bulkupload import selectors
from bulkupload.models import BulkUploadJob, BulkUploadRowError, JobStatus
from bulkupload.services import error_file, jobs
from media.admin.formatting import readable_size
from sartiq.core.admin_base import (
    EMPTY_VALUE,
    SYSTEM_FIELDS,
    RunAdmin,
    anchor,
    changelist_url,
    choice_column,
    link_column,
)
from sartiq.core.errors import SartiqError

STATUS_COLOURS = {
    JobStatus.QUEUED: "info",
    JobStatus.RUNNING: "warning",
    JobStatus.COMPLETED: "success",
    JobStatus.COMPLETED_WITH_ERRORS: "warning",
    JobStatus.FAILED: "danger",
    JobStatus.CANCELLED: "danger",
}
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@admin.register(BulkUploadJob)
class BulkUploadJobAdmin(RunAdmin):
    """Bulk uploads with their progress and errors."""

    list_display = (
        "filename",
        "status_label",
        "progress_bar",
        "refused",
        "problems",
        "dry_run",
        "organization",
        "user",
        "created_at",
    )
    list_filter = (
        "status",
        "dry_run",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization")
    search_fields = ("=id", "filename", "source_key", "user__email", "failure_message")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "status",
                    "progress_bar",
                    "counts",
                    "failure",
                    "warnings",
                    "problems",
                    "download",
                    "top_errors",
                )
            },
        ),
        (
            "The table",
            {
                "fields": (
                    "filename",
                    "size",
                    "dialect_label",
                    "columns",
                    "mapping",
                    "sku_width",
                    "dry_run",
                    "source_key",
                    "rows_key",
                )
            },
        ),
        (
            "Details",
            {
                "fields": (
                    "user",
                    "organization",
                    "retried_job",
                    "started_at",
                    "planned_at",
                    "finished_at",
                    "attempts",
                    "run_after",
                    *SYSTEM_FIELDS,
                )
            },
        ),
    )
    actions = ("retry", "cancel")
    done_field = "processed"

    def get_urls(self) -> list[URLPattern]:
        """Add the error file."""
        view = self.admin_site.admin_view(self.download_view)
        name = "bulkupload_bulkuploadjob_errors"
        return [path("<uuid:job_id>/errors/", view, name=name), *super().get_urls()]

    def add_progress(self, rows: list[Any]) -> None:
        """Count the rows and errors of all jobs of the page in a few queries."""
        progress = selectors.progress_of(rows, now=timezone.now())
        problems = selectors.error_counts(rows)
        for job in rows:
            job.progress = progress[job.pk]
            job.problem_total = problems.get(job.pk, 0)

    def download_view(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """Stream the error file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = get_object_or_404(BulkUploadJob, pk=job_id)
        return StreamingHttpResponse(
            error_file.error_file(job),
            content_type=f"text/csv; charset={error_file.charset_of(job)}",
            headers={
                "Content-Disposition": content_disposition_header(
                    as_attachment=True, filename=error_file.file_name_of(job)
                )
                or "attachment"
            },
        )

    # --- Fields ---------------------------------------------------------------------------------

    status_label = choice_column("status", STATUS_COLOURS)
    retried_job = link_column("retry_of", "Retry of")

    @admin.display(description="Rows")
    def counts(self, job: BulkUploadJob) -> str:
        """Show the outcomes of the rows, the speed and the remaining time."""
        progress = self.progress(job)
        text = (
            f"{progress.created:,} created, {progress.updated:,} updated, "
            f"{progress.unchanged:,} unchanged, {progress.failed:,} refused"
        )
        images = progress.media
        if any((images.pending, images.ready, images.failed)):
            text += (
                f"; images: {images.pending:,} pending, {images.ready:,} ready, "
                f"{images.failed:,} failed"
            )
        if progress.rows_per_second is not None:
            text += f"; {progress.rows_per_second:,.0f} rows/s"
        if progress.seconds_left is not None:
            text += f"; about {progress.seconds_left} s left"
        return text

    @admin.display(description="Refused rows")
    def refused(self, job: BulkUploadJob) -> str:
        """Show the number of refused rows."""
        return f"{self.progress(job).failed:,}"

    @admin.display(description="Errors and warnings")
    def problems(self, job: Any) -> str:
        """Link to all errors and warnings, showing their number."""
        self.progress(job)
        return anchor(
            changelist_url(BulkUploadRowError, job__id__exact=job.pk), f"{job.problem_total:,}"
        )

    @admin.display(description="About the table")
    def warnings(self, job: BulkUploadJob) -> str:
        """List the warnings about the table as a whole."""
        messages = ((message,) for message in selectors.table_warnings(job))
        return format_html_join("", "<div>{}</div>", messages) or EMPTY_VALUE

    @admin.display(description="Format")
    def dialect_label(self, job: BulkUploadJob) -> str:
        """Show the dialect of the table and how certain its encoding is."""
        if not job.dialect:
            return EMPTY_VALUE
        dialect = job.dialect_object
        if dialect.format != "csv":
            return dialect.format.upper()
        delimiter = DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter)
        certainty = "stated" if dialect.confidence >= 1 else f"{dialect.confidence:.0%} sure"
        return f"{dialect.encoding} ({certainty}), separated by {delimiter}"

    @admin.display(description="Failure")
    def failure(self, job: BulkUploadJob) -> str:
        """Show why the file was not imported."""
        if not job.failure_code:
            return job.failure_message or EMPTY_VALUE
        line = f"Line {job.failure_line}: " if job.failure_line else ""
        return f"{line}{job.failure_message} ({job.failure_code})"

    @admin.display(description="Most frequent errors")
    def top_errors(self, job: BulkUploadJob) -> str:
        """List the most frequent errors."""
        errors = selectors.top_errors(job)
        if not errors:
            return EMPTY_VALUE
        lines = ((f"{times:,}", code, column or "the row") for code, column, times in errors)
        return format_html_join("", "<div>{} × {} in {}</div>", lines)  # noqa: RUF001

    @admin.display(description="Error file")
    def download(self, job: BulkUploadJob) -> str:
        """Link to the refused rows."""
        url = reverse("admin:bulkupload_bulkuploadjob_errors", args=[job.pk])
        return anchor(url, "Rows to correct, as CSV")

    @admin.display(description="Size")
    def size(self, job: BulkUploadJob) -> str:
        """Show the size of the file."""
        return readable_size(job.source_size)

    # --- Actions --------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Allow staff who may change jobs to retry and cancel them."""
        return request.user.has_perm("bulkupload.change_bulkuploadjob")

    @admin.action(description="Retry what was not imported", permissions=["act"])
    def retry(self, request: HttpRequest, rows: QuerySet[BulkUploadJob]) -> None:
        """Start a new job for each selected one with rows that were not imported."""
        self._apply(request, rows, jobs.retry, "started again")

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, rows: QuerySet[BulkUploadJob]) -> None:
        """Cancel the selected jobs."""
        self._apply(request, rows, jobs.cancel, "cancelled")

    def _apply(
        self,
        request: HttpRequest,
        rows: QuerySet[BulkUploadJob],
        service: Callable[..., BulkUploadJob],
        past_tense: str,
    ) -> None:
        count = 0
        for job in rows:
            try:
                service(user=request.user, job_id=job.pk)
                count += 1
            except SartiqError as error:
                self.message_user(request, f"{job}: {error.detail}", messages.WARNING)
        if count:
            self.message_user(request, f"{count} {past_tense}.", messages.SUCCESS)
