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
    NOTHING,
    SYSTEM_FIELDS,
    RunAdmin,
    anchor,
    choice_column,
    link_column,
    list_of,
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
    """Bulk uploads: how far they are, what went wrong, what can be done about it."""

    list_display = (
        *("filename", "status_label", "bar", "refused", "problems", "dry_run"),
        *("organization", "user", "created_at"),
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
                    *("status", "bar", "counts", "failure", "warnings", "problems"),
                    *("download", "commonest"),
                )
            },
        ),
        (
            "The table",
            {
                "fields": (
                    *("filename", "size", "written", "columns", "mapping", "sku_width"),
                    *("dry_run", "source_key", "rows_key"),
                )
            },
        ),
        (
            "Details",
            {
                "fields": (
                    *("user", "organization", "first_try", "started_at", "planned_at"),
                    *("finished_at", "attempts", "run_after", *SYSTEM_FIELDS),
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
        """Count the rows and problems of all jobs in two queries."""
        progress = selectors.progress_of(rows, now=timezone.now())
        problems = selectors.problems_of(rows)
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

    # --- Columns and facts ----------------------------------------------------------------------

    status_label = choice_column("status", STATUS_COLOURS)
    first_try = link_column("retry_of", "Retry of")

    @admin.display(description="Rows")
    def counts(self, job: BulkUploadJob) -> str:
        """Tell what became of the rows, how fast, and how long it will take."""
        progress = self.progress(job)
        told = (
            f"{progress.created:,} created, {progress.updated:,} updated, "
            f"{progress.unchanged:,} unchanged, {progress.failed:,} refused"
        )
        pictures = progress.media
        if any((pictures.pending, pictures.ready, pictures.failed)):
            told += (
                f"; pictures: {pictures.pending:,} pending, {pictures.ready:,} ready, "
                f"{pictures.failed:,} failed"
            )
        if progress.rows_per_second is not None:
            told += f"; {progress.rows_per_second:,.0f} rows/s"
        if progress.seconds_left is not None:
            told += f"; about {progress.seconds_left} s left"
        return told

    @admin.display(description="Refused rows")
    def refused(self, job: BulkUploadJob) -> str:
        """Tell how many rows were refused; one may have several problems."""
        return f"{self.progress(job).failed:,}"

    @admin.display(description="Errors and warnings")
    def problems(self, job: Any) -> str:
        """Link to all errors and warnings, and say how many there are."""
        self.progress(job)
        return anchor(list_of(BulkUploadRowError, job__id__exact=job.pk), f"{job.problem_total:,}")

    @admin.display(description="About the table")
    def warnings(self, job: BulkUploadJob) -> str:
        """List the warnings about the table as a whole."""
        found = selectors.table_warnings(job)
        return format_html_join("", "<div>{}</div>", ((each,) for each in found)) or NOTHING

    @admin.display(description="Written in")
    def written(self, job: BulkUploadJob) -> str:
        """Tell how the table is written and how sure its encoding is."""
        if not job.dialect:
            return NOTHING
        dialect = job.written_in
        if dialect.format != "csv":
            return dialect.format.upper()
        delimiter = DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter)
        sure = "stated" if dialect.confidence >= 1 else f"{dialect.confidence:.0%} sure"
        return f"{dialect.encoding} ({sure}), separated by {delimiter}"

    @admin.display(description="Failure")
    def failure(self, job: BulkUploadJob) -> str:
        """Tell why the file was not imported."""
        if not job.failure_code:
            return job.failure_message or NOTHING
        line = f"Line {job.failure_line}: " if job.failure_line else ""
        return f"{line}{job.failure_message} ({job.failure_code})"

    @admin.display(description="Commonest errors")
    def commonest(self, job: BulkUploadJob) -> str:
        """List the errors that most rows have."""
        found = selectors.top_errors(job)
        if not found:
            return NOTHING
        lines = ((f"{times:,}", code, column or "the row") for code, column, times in found)
        return format_html_join("", "<div>{} × {} in {}</div>", lines)  # noqa: RUF001

    @admin.display(description="Error file")
    def download(self, job: BulkUploadJob) -> str:
        """Link to the refused rows."""
        address = reverse("admin:bulkupload_bulkuploadjob_errors", args=[job.pk])
        return anchor(address, "Rows to mend as CSV")

    @admin.display(description="Size")
    def size(self, job: BulkUploadJob) -> str:
        """Tell the size of the file."""
        return readable_size(job.source_size)

    # --- What staff may do ----------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may change jobs may retry and cancel them."""
        return request.user.has_perm("bulkupload.change_bulkuploadjob")

    @admin.action(description="Retry what was left undone", permissions=["act"])
    def retry(self, request: HttpRequest, rows: QuerySet[BulkUploadJob]) -> None:
        """Start a new job for each chosen one that left something undone."""
        self._each(request, rows, jobs.retry, "started again")

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, rows: QuerySet[BulkUploadJob]) -> None:
        """Cancel the chosen jobs."""
        self._each(request, rows, jobs.cancel, "cancelled")

    def _each(
        self,
        request: HttpRequest,
        rows: QuerySet[BulkUploadJob],
        act: Callable[..., BulkUploadJob],
        done: str,
    ) -> None:
        count = 0
        for job in rows:
            try:
                act(user=request.user, job_id=job.pk)
                count += 1
            except SartiqError as refused:
                self.message_user(request, f"{job}: {refused.detail}", messages.WARNING)
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)
