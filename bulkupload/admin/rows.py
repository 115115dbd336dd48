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
from sartiq.core.admin_base import (
    SYSTEM_FIELDS,
    ReadOnlyAdmin,
    anchor,
    change_url,
    choice_column,
    link_column,
)

CHUNK_COLOURS = {ChunkStatus.WAITING: "warning", ChunkStatus.DONE: "success"}
BATCH_COLOURS = {BatchStatus.WAITING: "warning", BatchStatus.DONE: "success"}
MEDIA_COLOURS = {
    MediaStatus.PENDING: "warning",
    MediaStatus.ATTACHED: "info",
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
class BulkUploadChunkAdmin(ReadOnlyAdmin):
    """Ranges of rows, each imported in one transaction."""

    list_display = (
        "number",
        "job_link",
        "status_label",
        "rows",
        "created",
        "updated",
        "unchanged",
        "failed",
        "attempts",
        "finished_at",
    )
    list_filter = ("status", ("created_at", RangeDateTimeFilter))
    list_select_related = ("job",)
    search_fields = ("=id", "=job__id", "job__filename")
    ordering = ("-created_at", "-id")
    fields = (
        "job_link",
        "number",
        "status",
        "start",
        "length",
        "first_line",
        "first_row",
        "rows",
        "repeated",
        "created",
        "updated",
        "unchanged",
        "failed",
        "attempts",
        "run_after",
        "sent_at",
        "lease_expires_at",
        "lease_fence",
        "finished_at",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    job_link = link_column("job", "Bulk upload")
    status_label = choice_column("status", CHUNK_COLOURS)


@admin.register(BulkUploadRowError)
class BulkUploadRowErrorAdmin(ReadOnlyAdmin):
    """Errors of rejected rows, and image warnings of imported rows."""

    list_display = (
        "location",
        "severity_label",
        "column",
        "value",
        "code",
        "message",
        "job_link",
    )
    list_filter = ("severity", "code")
    list_select_related = ("job",)
    search_fields = ("=job__id", "job__filename", "column", "value", "message")
    ordering = ("-job_id", "row", "position")
    fields = (
        "job_link",
        "line",
        "row",
        "position",
        "severity",
        "column",
        "value",
        "code",
        "message",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkUploadRowError]:
        """Return the rows without their cells, which only the error file needs."""
        rows: QuerySet[BulkUploadRowError] = super().get_queryset(request)
        return rows.defer("cells")

    @admin.display(description="Where", ordering="row")
    def location(self, error: BulkUploadRowError) -> str:
        """Show the line and the row; a warning about the table has neither."""
        if error.row == TABLE_ROW:
            return "The table"
        return f"Line {error.line}, row {error.row}"

    severity_label = choice_column("severity", SEVERITY_COLOURS)
    job_link = link_column("job", "Bulk upload")


@admin.register(BulkUploadMediaBatch)
class BulkUploadMediaBatchAdmin(ReadOnlyAdmin):
    """Batches of product images, each attached in one task."""

    list_display = (
        "id",
        "job_link",
        "status_label",
        "pending",
        "ready",
        "failed",
        "attempts",
        "created_at",
    )
    list_filter = ("status", ("created_at", RangeDateTimeFilter))
    list_select_related = ("job", "chunk")
    search_fields = ("=id", "=job__id", "job__filename")
    ordering = ("-created_at", "-id")
    fields = (
        *(
            "job_link",
            "chunk_link",
            "status",
            "pending",
            "ready",
            "failed",
            "attempts",
            "run_after",
        ),
        "sent_at",
        "lease_expires_at",
        "lease_fence",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    job_link = link_column("job", "Bulk upload")
    chunk_link = link_column("chunk", "Chunk")
    status_label = choice_column("status", BATCH_COLOURS)


@admin.register(BulkUploadMedia)
class BulkUploadMediaAdmin(ReadOnlyAdmin):
    """Images that each row assigns to a slot of its product."""

    list_display = (
        "line",
        "slot",
        "status_label",
        "pending",
        "ready",
        "failed",
        "product_link",
        "job_link",
    )
    list_filter = ("status", "slot", ("created_at", RangeDateTimeFilter))
    list_select_related = ("job", "batch")
    search_fields = ("=id", "=job__id", "=product_id", "job__filename")
    ordering = ("-created_at", "-id")
    fields = (
        "job_link",
        "batch_link",
        "product_link",
        "slot",
        "line",
        "row",
        "column",
        "status",
        "pending",
        "ready",
        "failed",
        "urls",
        "resources",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkUploadMedia]:
        """Return the rows without their cells, which only the error file needs."""
        rows: QuerySet[BulkUploadMedia] = super().get_queryset(request)
        return rows.defer("cells")

    job_link = link_column("job", "Bulk upload")
    batch_link = link_column("batch", "Batch")

    @admin.display(description="Product")
    def product_link(self, media: BulkUploadMedia) -> str:
        """Link to the product, which may have been deleted."""
        return anchor(change_url(Product, media.product_id), media.product_id)

    status_label = choice_column("status", MEDIA_COLOURS)


@admin.register(RemoteImage)
class RemoteImageAdmin(ReadOnlyAdmin):
    """Remote images, each fetched once for its owner."""

    list_display = ("url", "status_label", "failure_code", "organization", "user", "created_at")
    list_filter = ("status", "failure_code", ("created_at", RangeDateTimeFilter))
    list_select_related = ("user", "organization", "upload")
    search_fields = ("=id", "url")
    ordering = ("-created_at", "-id")
    fields = (
        "url",
        "url_hash",
        "status",
        "upload_link",
        "failure_code",
        "failure_message",
        "organization",
        "user",
        "attempts",
        "run_after",
        "sent_at",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    upload_link = link_column("upload", "Upload")
    status_label = choice_column("status", REMOTE_COLOURS)
