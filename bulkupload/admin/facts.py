from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from bulkupload.models import BulkUploadChunk, BulkUploadRowError, ChunkStatus
from sartiq.core.staff import FACTS, FactsAdmin, coloured, link

STATUS_COLOURS = {ChunkStatus.WAITING: "warning", ChunkStatus.DONE: "success"}


@admin.register(BulkUploadChunk)
class BulkUploadChunkAdmin(FactsAdmin):
    """Ranges of rows: each is imported in one transaction or still waits."""

    list_display = (
        *("number", "of_job", "shown_status", "rows", "created", "updated", "unchanged"),
        *("failed", "attempts", "finished_at"),
    )
    list_filter = ("status", ("created_at", RangeDateTimeFilter))
    list_select_related = ("job",)
    search_fields = ("=id", "=job__id", "job__filename")
    ordering = ("-created_at", "-id")
    fields = (
        *("of_job", "number", "status", "start", "length", "first_line", "first_row", "rows"),
        *("repeated", "created", "updated", "unchanged", "failed", "attempts", "run_after"),
        *("sent_at", "lease_expires_at", "lease_fence", "finished_at", *FACTS),
    )
    readonly_fields = fields

    @admin.display(description="Bulk upload")
    def of_job(self, chunk: BulkUploadChunk) -> str:
        """Link to the job."""
        return link(chunk.job)

    @coloured(description="Status", ordering="status", colours=STATUS_COLOURS)
    def shown_status(self, chunk: BulkUploadChunk) -> tuple[str, str]:
        """Colour the status."""
        return chunk.status, chunk.get_status_display()


@admin.register(BulkUploadRowError)
class BulkUploadRowErrorAdmin(FactsAdmin):
    """What is wrong with refused rows."""

    list_display = ("line", "row", "column", "value", "code", "message", "of_job")
    list_filter = ("code",)
    list_select_related = ("job",)
    search_fields = ("=job__id", "job__filename", "column", "value", "message")
    ordering = ("-job_id", "row", "position")
    fields = ("of_job", "line", "row", "position", "column", "value", "code", "message")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkUploadRowError]:
        """Leave the rows themselves out: only the error file needs them."""
        rows: QuerySet[BulkUploadRowError] = super().get_queryset(request)
        return rows.defer("cells")

    @admin.display(description="Bulk upload")
    def of_job(self, error: BulkUploadRowError) -> str:
        """Link to the job."""
        return link(error.job)
