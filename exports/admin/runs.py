from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from exports import selectors
from exports.models import ExportConfiguration, ExportItem, ExportRun, ItemStatus, RunStatus
from media.admin.formatting import readable_size
from media.models import MediaResource
from sartiq.core.admin_base import (
    EMPTY_VALUE,
    SYSTEM_FIELDS,
    ReadOnlyAdmin,
    RunAdmin,
    anchor,
    changelist_url,
    choice_column,
    link,
    link_column,
)

RUN_COLOURS = {
    RunStatus.QUEUED: "info",
    RunStatus.RUNNING: "warning",
    RunStatus.COMPLETED: "success",
    RunStatus.COMPLETED_WITH_ERRORS: "warning",
    RunStatus.FAILED: "danger",
    RunStatus.EXPIRED: "info",
}
ITEM_COLOURS = {
    ItemStatus.WAITING: "warning",
    ItemStatus.DONE: "success",
    ItemStatus.FAILED: "danger",
}


@admin.register(ExportRun)
class ExportRunAdmin(RunAdmin):
    """Exports: progress, failures and archives."""

    list_display = (
        "title",
        "status_label",
        "progress_bar",
        "failed_files",
        "size",
        "image_format",
        "organization",
        "user",
        "created_at",
    )
    list_filter = (
        "status",
        "image_format",
        "metadata_adapter",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization")
    search_fields = ("=id", "title", "user__email", "organization__name", "failure_message")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("title", "status", "progress_bar", "files", "failed_files", "failure")}),
        (
            "Configuration",
            {"fields": ("configuration", "metadata_adapter", "image_format", "template")},
        ),
        ("Archive", {"fields": ("archive_key", "size", "archive_sha256", "expires_at")}),
        (
            "Details",
            {
                "fields": (
                    "user",
                    "organization",
                    "started_at",
                    "finished_at",
                    "attempts",
                    "run_after",
                    "sent_at",
                    "lease_expires_at",
                    *SYSTEM_FIELDS,
                )
            },
        ),
    )

    status_label = choice_column("status", RUN_COLOURS)

    def add_progress(self, rows: list[Any]) -> None:
        """Count the files of all runs in one query."""
        progress = selectors.progress_of(rows)
        for run in rows:
            run.progress = progress[run.pk]

    @admin.display(description="Files")
    def files(self, run: ExportRun) -> str:
        """Link to the files."""
        return anchor(changelist_url(ExportItem, run__id__exact=run.pk), f"{run.total:,}")

    @admin.display(description="Failed")
    def failed_files(self, run: ExportRun) -> str:
        """Link to the files that failed."""
        failed = changelist_url(ExportItem, run__id__exact=run.pk, status__exact=ItemStatus.FAILED)
        return anchor(failed, f"{self.progress(run).failed:,}")

    @admin.display(description="Failure")
    def failure(self, run: ExportRun) -> str:
        """Return why there is no archive."""
        return f"{run.failure_message} ({run.failure_code})" if run.failure_code else EMPTY_VALUE

    @admin.display(description="Configuration")
    def configuration(self, run: ExportRun) -> str:
        """Link to the configuration if it exists; the run has its own copy."""
        configuration_ids = [run.configuration_id] if run.configuration_id else []
        configuration = ExportConfiguration.objects.filter(pk__in=configuration_ids).first()
        return link(configuration) if configuration else run.configuration_name

    @admin.display(description="Size", ordering="archive_size")
    def size(self, run: ExportRun) -> str:
        """Return the size of the archive."""
        return EMPTY_VALUE if run.archive_size is None else readable_size(run.archive_size)


@admin.register(ExportItem)
class ExportItemAdmin(ReadOnlyAdmin):
    """Files of exports."""

    list_display = (
        "name",
        "run_link",
        "position",
        "status_label",
        "failure_code",
        "size",
        "attempts",
        "finished_at",
    )
    list_filter = ("status", "failure_code", ("created_at", RangeDateTimeFilter))
    list_select_related = ("run",)
    search_fields = ("=id", "=run__id", "=resource_id", "name", "run__title")
    ordering = ("-created_at", "-id")
    fields = (
        "name",
        "run_link",
        "position",
        "resource",
        "values",
        "status",
        "failure_code",
        "failure_message",
        "result_key",
        "size",
        "result_sha256",
        "result_type",
        "width",
        "height",
        "pending_checks",
        "attempts",
        "run_after",
        "sent_at",
        "lease_expires_at",
        "lease_fence",
        "finished_at",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    run_link = link_column("run", "Export")
    status_label = choice_column("status", ITEM_COLOURS)

    @admin.display(description="Resource")
    def resource(self, item: ExportItem) -> str:
        """Link to the source file if it exists."""
        resource = MediaResource.objects.filter(pk=item.resource_id).first()
        return link(resource) if resource else str(item.resource_id)

    @admin.display(description="Checks while pending")
    def pending_checks(self, item: ExportItem) -> int:
        """Return how often the resource was found to be still PENDING."""
        return item.waits

    @admin.display(description="Size", ordering="result_size")
    def size(self, item: ExportItem) -> str:
        """Return the size of the exported file."""
        return EMPTY_VALUE if item.result_size is None else readable_size(item.result_size)
