from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from bulkupload.models import (
    TABLE_ROW,
    BatchStatus,
    BulkUploadChunk,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    ChunkStatus,
    ErrorSeverity,
    MediaStatus,
    RemoteImage,
    RemoteStatus,
)
from catalog.models import Product
from sartiq.core.admin_base import FACTS, FactsAdmin, anchor, coloured, link, page_of

STATUS_COLOURS = {ChunkStatus.WAITING: "warning", ChunkStatus.DONE: "success"}
BATCH_COLOURS = {BatchStatus.WAITING: "warning", BatchStatus.DONE: "success"}
MEDIA_COLOURS = {
    MediaStatus.PENDING: "warning",
    MediaStatus.SHOWN: "info",
    MediaStatus.READY: "success",
    MediaStatus.FAILED: "danger",
    MediaStatus.REPLACED: "info",
}
SEVERITY_COLOURS = {ErrorSeverity.ERROR: "danger", ErrorSeverity.WARNING: "warning"}
REMOTE_COLOURS = {
    RemoteStatus.WAITING: "warning",
    RemoteStatus.FETCHED: "success",
    RemoteStatus.FAILED: "danger",
}


@admin.register(BulkUploadChunk)
class BulkUploadChunkAdmin(FactsAdmin):
    """Ranges of rows: each is imported in one transaction or still waits."""

    list_display = (
        *("number", "of_job", "status_label", "rows", "created", "updated", "unchanged"),
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
    def status_label(self, chunk: BulkUploadChunk) -> tuple[str, str]:
        """Colour the status."""
        return chunk.status, chunk.get_status_display()


@admin.register(BulkUploadRowError)
class BulkUploadRowErrorAdmin(FactsAdmin):
    """What is wrong with refused rows, and with pictures of the others."""

    list_display = (*("place", "severity_label", "column", "value", "code", "message", "of_job"),)
    list_filter = ("severity", "code")
    list_select_related = ("job",)
    search_fields = ("=job__id", "job__filename", "column", "value", "message")
    ordering = ("-job_id", "row", "position")
    fields = ("of_job", "line", "row", "position", "severity", "column", "value", "code", "message")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkUploadRowError]:
        """Leave the rows themselves out: only the error file needs them."""
        rows: QuerySet[BulkUploadRowError] = super().get_queryset(request)
        return rows.defer("cells")

    @admin.display(description="Where", ordering="row")
    def place(self, error: BulkUploadRowError) -> str:
        """Tell the line and the row; a warning about the whole table has neither."""
        if error.row == TABLE_ROW:
            return "The table"
        return f"Line {error.line}, row {error.row}"

    @coloured(description="Severity", ordering="severity", colours=SEVERITY_COLOURS)
    def severity_label(self, error: BulkUploadRowError) -> tuple[str, str]:
        """Colour the severity."""
        return error.severity, error.get_severity_display()

    @admin.display(description="Bulk upload")
    def of_job(self, error: BulkUploadRowError) -> str:
        """Link to the job."""
        return link(error.job)


@admin.register(BulkUploadMediaBatch)
class BulkUploadMediaBatchAdmin(FactsAdmin):
    """Pictures of some rows, taken in together."""

    list_display = (
        *("id", "of_job", "status_label", "pending", "ready", "failed", "attempts", "created_at"),
    )
    list_filter = ("status", ("created_at", RangeDateTimeFilter))
    list_select_related = ("job", "chunk")
    search_fields = ("=id", "=job__id", "job__filename")
    ordering = ("-created_at", "-id")
    fields = (
        *("of_job", "of_chunk", "status", "pending", "ready", "failed", "attempts", "run_after"),
        *("sent_at", "lease_expires_at", "lease_fence", *FACTS),
    )
    readonly_fields = fields

    @admin.display(description="Bulk upload")
    def of_job(self, batch: BulkUploadMediaBatch) -> str:
        """Link to the job."""
        return link(batch.job)

    @admin.display(description="Chunk")
    def of_chunk(self, batch: BulkUploadMediaBatch) -> str:
        """Link to the chunk."""
        return link(batch.chunk)

    @coloured(description="Status", ordering="status", colours=BATCH_COLOURS)
    def status_label(self, batch: BulkUploadMediaBatch) -> tuple[str, str]:
        """Colour the status."""
        return batch.status, batch.get_status_display()


@admin.register(BulkUploadMedia)
class BulkUploadMediaAdmin(FactsAdmin):
    """What rows ask of the slots of their products."""

    list_display = (
        *("line", "slot", "status_label", "pending", "ready", "failed", "of_product", "of_job"),
    )
    list_filter = ("status", "slot", ("created_at", RangeDateTimeFilter))
    list_select_related = ("job", "batch")
    search_fields = ("=id", "=job__id", "=product_id", "job__filename")
    ordering = ("-created_at", "-id")
    fields = (
        *("of_job", "of_batch", "of_product", "slot", "line", "row", "column", "status"),
        *("pending", "ready", "failed", "urls", "resources", *FACTS),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkUploadMedia]:
        """Leave the rows themselves out: only the error file needs them."""
        rows: QuerySet[BulkUploadMedia] = super().get_queryset(request)
        return rows.defer("cells")

    @admin.display(description="Bulk upload")
    def of_job(self, media: BulkUploadMedia) -> str:
        """Link to the job."""
        return link(media.job)

    @admin.display(description="Batch")
    def of_batch(self, media: BulkUploadMedia) -> str:
        """Link to the batch."""
        return link(media.batch)

    @admin.display(description="Product")
    def of_product(self, media: BulkUploadMedia) -> str:
        """Link to the product, which may be gone."""
        return anchor(page_of(Product, media.product_id), media.product_id)

    @coloured(description="Status", ordering="status", colours=MEDIA_COLOURS)
    def status_label(self, media: BulkUploadMedia) -> tuple[str, str]:
        """Colour the status."""
        return media.status, media.get_status_display()


@admin.register(RemoteImage)
class RemoteImageAdmin(FactsAdmin):
    """What remote addresses hold: each is fetched once for its owner."""

    list_display = ("url", "status_label", "failure_code", "organization", "user", "created_at")
    list_filter = ("status", "failure_code", ("created_at", RangeDateTimeFilter))
    list_select_related = ("user", "organization", "upload")
    search_fields = ("=id", "url")
    ordering = ("-created_at", "-id")
    fields = (
        *("url", "url_hash", "status", "of_upload", "failure_code", "failure_message"),
        *("organization", "user", "attempts", "run_after", "sent_at", *FACTS),
    )
    readonly_fields = fields

    @admin.display(description="Upload")
    def of_upload(self, remote: RemoteImage) -> str:
        """Link to the upload that holds the bytes."""
        return link(remote.upload)

    @coloured(description="Status", ordering="status", colours=REMOTE_COLOURS)
    def status_label(self, remote: RemoteImage) -> tuple[str, str]:
        """Colour the status."""
        return remote.status, remote.get_status_display()
