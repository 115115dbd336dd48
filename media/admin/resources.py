from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.admin.trash import TRASH_FIELDS, TrashAdmin, is_deleted, restorable_link
from media.admin.formatting import preview, readable_size, thumbnail
from media.admin.uploads import AttachmentsInline, UploadsInline
from media.errors import ResourceInUseError
from media.models import Attachment, MediaResource, ResourceStatus
from media.rules import failures
from media.selectors import resource_url
from media.services import resources, trash
from sartiq.core.admin_base import (
    EMPTY_VALUE,
    SYSTEM_FIELDS,
    ReadOnlyAdmin,
    anchor,
    changelist_url,
    choice_column,
    is_superuser,
    link,
    link_column,
    report_action,
)

STATUS_COLOURS = {
    ResourceStatus.PENDING: "warning",
    ResourceStatus.READY: "success",
    ResourceStatus.FAILED: "danger",
}


@admin.register(MediaResource)
class MediaResourceAdmin(TrashAdmin, ReadOnlyAdmin):
    """Media resources with their attachments and uploads."""

    list_per_page = 25
    list_display = (
        "image",
        "name",
        "status_label",
        "failure",
        "resource_type",
        "size",
        "dimensions",
        "attachment_links",
        "protected",
        "organization",
        "user",
        "created_at",
    )
    list_display_links = ("image", "name")
    list_filter = (
        "status",
        "resource_type",
        "protected",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization")
    search_fields = (
        "=id",
        "content_hash",
        "storage_key",
        "filename",
        "alt_text",
        "caption",
        "user__email",
        "uploads__filename",
    )
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("preview", "url", "status", "failure")}),
        ("Editable by staff", {"fields": ("alt_text", "caption", "protected")}),
        (
            "The file",
            {
                "fields": (
                    "filename",
                    "resource_type",
                    "content_type",
                    "size",
                    "dimensions",
                    "duration",
                    "dominant_color",
                    "color_profile",
                    "content_hash",
                    "storage_key",
                    "etag",
                )
            },
        ),
        (
            "Details",
            {
                "fields": (
                    "user",
                    "organization",
                    "copied_from_link",
                    "ready_at",
                    "unattached_at",
                    "attempts",
                    "run_after",
                    *SYSTEM_FIELDS,
                    *TRASH_FIELDS,
                )
            },
        ),
    )
    inlines = (AttachmentsInline, UploadsInline)
    actions = ("try_again", "restore")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MediaResource]:
        """Add the attachment counts to the query of the page."""
        rows: QuerySet[MediaResource] = super().get_queryset(request)
        attachments = (
            Attachment.objects.of_live_entities().filter(resource=OuterRef("pk")).order_by()
        )
        counts = attachments.values("resource").annotate(total=Count("pk")).values("total")
        return rows.annotate(attachment_count=Coalesce(Subquery(counts), 0))

    def get_readonly_fields(
        self, request: HttpRequest, obj: MediaResource | None = None
    ) -> tuple[str, ...]:
        """Let staff edit the texts, and superusers the protection as well."""
        editable = {"alt_text", "caption"} | ({"protected"} if is_superuser(request) else set())
        names = [name for _, options in self.fieldsets for name in options["fields"]]
        return tuple(name for name in names if name not in editable)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow users who may change resources."""
        return not is_deleted(obj) and request.user.has_perm("media.change_mediaresource")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow users who may delete resources."""
        return not is_deleted(obj) and request.user.has_perm("media.delete_mediaresource")

    # --- Columns ------------------------------------------------------------------------------

    @admin.display(description="Image")
    def image(self, resource: MediaResource) -> str:
        """Show the thumbnail."""
        return thumbnail(resource)

    @admin.display(description="Image")
    def preview(self, resource: MediaResource) -> str:
        """Show the image."""
        return preview(resource)

    @admin.display(description="Resource", ordering="storage_key")
    def name(self, resource: MediaResource) -> str:
        """Return the end of the id and the extension."""
        return f"…{str(resource.pk)[-12:]}.{resource.extension}"

    @admin.display(description="URL")
    def url(self, resource: MediaResource) -> str:
        """Link to the file."""
        url = resource_url(resource)
        return EMPTY_VALUE if url is None else anchor(url, url)

    status_label = choice_column("status", STATUS_COLOURS)

    @admin.display(description="Failure", ordering="failure_code")
    def failure(self, resource: MediaResource) -> str:
        """Return why it failed."""
        code = resource.failure_code
        return f"{failures.sentence_for(code)} ({code})" if code else EMPTY_VALUE

    @admin.display(description="Size", ordering="file_size")
    def size(self, resource: MediaResource) -> str:
        """Return the size."""
        return readable_size(resource.file_size)

    @admin.display(description="Dimensions")
    def dimensions(self, resource: MediaResource) -> str:
        """Return width and height."""
        return f"{resource.width} × {resource.height}" if resource.width else EMPTY_VALUE  # noqa: RUF001

    @admin.display(description="Attached to", ordering="attachment_count")
    def attachment_links(self, resource: Any) -> str:
        """Link to its attachments."""
        url = changelist_url(Attachment, resource__id__exact=resource.pk)
        return anchor(url, resource.attachment_count)

    copied_from_link = link_column("copied_from", "Copied from")

    # --- Actions --------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: MediaResource, form: Any, change: Any) -> None:
        """Save the changed fields only; a worker may be writing others."""
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        resources.update_as_staff(resource_id=obj.pk, values=changed)

    @admin.action(description="Try again", permissions=["change"])
    def try_again(self, request: HttpRequest, rows: QuerySet[MediaResource]) -> None:
        """Queue the selected failed resources again."""
        selected = list(rows)
        failed = [resource for resource in selected if resource.status == ResourceStatus.FAILED]
        queued = sum(resources.retry(resource) for resource in failed)
        report_action(
            self,
            request,
            changed=(queued, "queued again"),
            skipped=[
                (len(selected) - len(failed), "skipped: not failed"),
                (len(failed) - queued, "skipped: the same file was uploaded again"),
            ],
        )

    def get_deleted_objects(
        self, objs: Iterable[MediaResource], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return what would be deleted, and why resources cannot be deleted."""
        blockers = {resource: trash.blocking_reason(resource) for resource in objs}
        reasons: list[str] = [
            format_html("{}: {}", link(resource), reason)
            for resource, reason in blockers.items()
            if reason
        ]
        links = [restorable_link(resource) for resource in blockers]
        return links, {"media resources": len(blockers)}, set(), reasons

    def delete_model(self, request: HttpRequest, obj: MediaResource) -> None:
        """Move one resource to the trash."""
        trash.delete_as_staff(resource_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MediaResource]) -> None:
        """Move several resources to the trash, all or none."""
        with transaction.atomic():
            for pk in queryset.order_by("pk").values_list("pk", flat=True):
                trash.delete_as_staff(resource_id=pk)

    def restore_row(self, row: MediaResource) -> None:
        """Restore one resource."""
        trash.restore_as_staff(resource_id=row.pk)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Confirm, then discard; show an error if the resource has come into use."""
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except ResourceInUseError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return redirect("admin:media_mediaresource_change", object_id)
        return response

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List resources; show an error if a selected one has come into use."""
        try:
            response: HttpResponse = super().changelist_view(request, extra_context)
        except ResourceInUseError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return redirect(request.get_full_path())
        return response
