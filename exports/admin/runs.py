from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from exports import selectors
from exports.models import ExportConfiguration, ExportItem, ExportRun, ItemStatus, RunStatus
from exports.selectors import Progress
from media.admin.formatting import readable_size
from media.models import MediaResource
from sartiq.core.admin_base import FACTS, NOTHING, FactsAdmin, anchor, coloured, link, list_of

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
REFRESH_SECONDS = 3  # a page of a running export looks again


@admin.register(ExportRun)
class ExportRunAdmin(FactsAdmin):
    """Exports: how far they are, what went wrong, what they made."""

    list_display = (
        *("title", "status_label", "bar", "failed_files", "size", "image_format"),
        *("organization", "user", "created_at"),
    )
    list_filter = (
        *("status", "image_format", "metadata_adapter"),
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization")
    search_fields = ("=id", "title", "user__email", "organization__name", "failure_message")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("title", "status", "bar", "files", "failed_files", "failure")}),
        (
            "Configuration",
            {"fields": ("configuration", "metadata_adapter", "image_format", "template")},
        ),
        ("Archive", {"fields": ("archive_key", "size", "archive_sha256", "expires_at")}),
        (
            "Facts",
            {
                "fields": (
                    *("user", "organization", "started_at", "finished_at", "attempts"),
                    *("run_after", "sent_at", "lease_expires_at", *FACTS),
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Everything is a fact."""
        return tuple(name for _, options in self.fieldsets for name in options["fields"])

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Count the files of the page's exports in one query."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        progress = selectors.progress_of(rows)
        for run in rows:
            run.progress = progress[run.pk]
        changelist.result_list = rows
        return changelist

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the export; while it runs the page looks again by itself."""
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        run = self.get_object(request, object_id)
        if request.method == "GET" and run and not run.is_finished:
            answer["Refresh"] = str(REFRESH_SECONDS)
        return answer

    @coloured(description="Status", ordering="status", colours=RUN_COLOURS)
    def status_label(self, run: ExportRun) -> tuple[str, str]:
        """Colour the status."""
        return run.status, run.get_status_display()

    @admin.display(description="Progress")
    def bar(self, run: ExportRun) -> str:
        """Draw how far the export is."""
        progress = _progress(run)
        return format_html(
            '<progress max="{}" value="{}"></progress> {} of {}',
            progress.total or 1,
            progress.done,
            f"{progress.done:,}",
            f"{progress.total:,}",
        )

    @admin.display(description="Files")
    def files(self, run: ExportRun) -> str:
        """Link to the files."""
        return anchor(list_of(ExportItem, run__id__exact=run.pk), f"{run.total:,}")

    @admin.display(description="Failed")
    def failed_files(self, run: ExportRun) -> str:
        """Link to the files that failed."""
        failed = list_of(ExportItem, run__id__exact=run.pk, status__exact=ItemStatus.FAILED)
        return anchor(failed, f"{_progress(run).failed:,}")

    @admin.display(description="Failure")
    def failure(self, run: ExportRun) -> str:
        """Tell why there is no archive."""
        return f"{run.failure_message} ({run.failure_code})" if run.failure_code else NOTHING

    @admin.display(description="Configuration")
    def configuration(self, run: ExportRun) -> str:
        """Link to the configuration, while there is one; the export goes by the copy here."""
        configuration_ids = [run.configuration_id] if run.configuration_id else []
        changelist = ExportConfiguration.objects.filter(pk__in=configuration_ids).first()
        return link(changelist) if changelist else run.configuration_name

    @admin.display(description="Size", ordering="archive_size")
    def size(self, run: ExportRun) -> str:
        """Tell the size of the archive."""
        return NOTHING if run.archive_size is None else readable_size(run.archive_size)


@admin.register(ExportItem)
class ExportItemAdmin(FactsAdmin):
    """Files of exports: each is made once, under a lease."""

    list_display = (
        *("name", "of_run", "position", "status_label", "failure_code", "size", "attempts"),
        "finished_at",
    )
    list_filter = ("status", "failure_code", ("created_at", RangeDateTimeFilter))
    list_select_related = ("run",)
    search_fields = ("=id", "=run__id", "=resource_id", "name", "run__title")
    ordering = ("-created_at", "-id")
    fields = (
        *("name", "of_run", "position", "resource", "values", "status", "failure_code"),
        *("failure_message", "result_key", "size", "result_sha256", "result_type", "width"),
        *("height", "waits", "attempts", "run_after", "sent_at", "lease_expires_at"),
        *("lease_fence", "finished_at", *FACTS),
    )
    readonly_fields = fields

    @admin.display(description="Export")
    def of_run(self, item: ExportItem) -> str:
        """Link to the export."""
        return link(item.run)

    @admin.display(description="Resource")
    def resource(self, item: ExportItem) -> str:
        """Link to the file it was made of, while there is one."""
        changelist = MediaResource.objects.filter(pk=item.resource_id).first()
        return link(changelist) if changelist else str(item.resource_id)

    @coloured(description="Status", ordering="status", colours=ITEM_COLOURS)
    def status_label(self, item: ExportItem) -> tuple[str, str]:
        """Colour the status."""
        return item.status, item.get_status_display()

    @admin.display(description="Size", ordering="result_size")
    def size(self, item: ExportItem) -> str:
        """Tell the size of what was made."""
        return NOTHING if item.result_size is None else readable_size(item.result_size)


def _progress(run: ExportRun) -> Progress:
    progress: Progress | None = getattr(run, "progress", None)
    return progress or selectors.progress_of([run])[run.pk]
