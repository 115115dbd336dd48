from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from media.admin.formatting import entity_link, readable_size, thumbnail
from media.models import Attachment, Upload, UploadState
from sartiq.core.admin_base import SYSTEM_FIELDS, ReadOnlyAdmin, ReadOnlyInline, coloured, link

STATE_COLOURS = {
    UploadState.ISSUED: "info",
    UploadState.CLAIMED: "warning",
    UploadState.CONSUMED: "success",
    UploadState.EXPIRED: "danger",
}


class _UploadColumns:
    """Columns shared by the list and the inline of uploads."""

    @coloured(description="State", ordering="state", colours=STATE_COLOURS)
    def state_label(self, upload: Upload) -> tuple[str, str]:
        """Colour the state."""
        return upload.state, upload.get_state_display()

    @admin.display(description="Declared size", ordering="declared_size")
    def size(self, upload: Upload) -> str:
        """Return the size the client declared."""
        return readable_size(upload.declared_size)


@admin.register(Upload)
class UploadAdmin(_UploadColumns, ReadOnlyAdmin):
    """Presigned uploads and the resources they became."""

    list_display = (
        "filename",
        "state_label",
        "content_type",
        "size",
        "resource_link",
        "refusal",
        "organization",
        "user",
        "created_at",
    )
    list_filter = (
        "state",
        "content_type",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization", "resource")
    search_fields = ("filename", "key", "sha256", "=id", "user__email")
    ordering = ("-created_at", "-id")
    fields = (
        "filename",
        "state",
        "refusal",
        "resource_link",
        "user",
        "organization",
        "folder",
        "content_type",
        "size",
        "sha256",
        "key",
        "etag",
        "expires_at",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    @admin.display(description="Resource", ordering="resource")
    def resource_link(self, upload: Upload) -> str:
        """Link to the resource the upload became."""
        return link(upload.resource)


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    """Attachments of resources to entities."""

    list_display = ("image", "entity", "slot", "position", "resource_link", "created_at")
    list_display_links = ("slot",)
    list_filter = ("entity_type", "slot", ("created_at", RangeDateTimeFilter))
    list_select_related = ("resource",)
    search_fields = ("=entity_id", "=resource__id", "resource__storage_key", "=id")
    ordering = ("-created_at", "-id")
    fields = ("image", "entity", "slot", "position", "resource_link", *SYSTEM_FIELDS)
    readonly_fields = fields

    @admin.display(description="Image")
    def image(self, attachment: Attachment) -> str:
        """Show the image."""
        return thumbnail(attachment.resource)

    @admin.display(description="Entity", ordering="entity_type")
    def entity(self, attachment: Attachment) -> str:
        """Link to the entity."""
        return entity_link(attachment)

    @admin.display(description="Resource", ordering="resource")
    def resource_link(self, attachment: Attachment) -> str:
        """Link to the resource."""
        return link(attachment.resource)


class UploadsInline(_UploadColumns, ReadOnlyInline):
    """The uploads that became one resource."""

    model = Upload
    fields = ("filename", "state", "size", "user", "created_at")
    readonly_fields = fields
    ordering = ("-created_at",)


class AttachmentsInline(ReadOnlyInline):
    """The attachments of one resource."""

    model = Attachment
    verbose_name_plural = "Attached to"
    fields = ("entity", "slot", "position", "created_at")
    readonly_fields = fields
    ordering = ("entity_type", "entity_id", "slot", "position")

    @admin.display(description="Entity")
    def entity(self, attachment: Attachment) -> str:
        """Link to the entity."""
        return entity_link(attachment)
