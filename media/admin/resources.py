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

from media.admin.formatting import preview, readable_size, thumbnail
from media.admin.inlines import AttachmentsInline, UploadsInline
from media.errors import ResourceKeptError
from media.models import Attachment, MediaResource, ResourceStatus
from media.rules import failures
from media.selectors import resource_url
from media.services import removal, resources
from sartiq.core.admin_base import (
    FACTS,
    NOTHING,
    FactsAdmin,
    anchor,
    coloured,
    is_superuser,
    link,
    list_of,
    report_action,
)

STATUS_COLOURS = {
    ResourceStatus.PENDING: "warning",
    ResourceStatus.READY: "success",
    ResourceStatus.FAILED: "danger",
}


@admin.register(MediaResource)
class MediaResourceAdmin(FactsAdmin):
    """The one good copy of every file: what it is, where it came from, what shows it."""

    list_per_page = 25
    list_display = (
        *("picture", "name", "status_label", "failure", "resource_type", "size"),
        "dimensions",
        *("places", "protected", "organization", "user", "created_at"),
    )
    list_display_links = ("picture", "name")
    list_filter = (
        "status",
        "resource_type",
        "protected",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization")
    search_fields = (
        *("=id", "content_hash", "storage_key", "alt_text", "caption", "user__email"),
        "uploads__filename",
    )
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("preview", "address", "status", "failure")}),
        ("What people say", {"fields": ("alt_text", "caption", "protected")}),
        (
            "The file",
            {
                "fields": (
                    *("resource_type", "content_type", "size", "dimensions", "duration"),
                    *("dominant_color", "color_profile", "content_hash", "storage_key", "etag"),
                )
            },
        ),
        (
            "Facts",
            {
                "fields": (
                    *("user", "organization", "origin", "ready_at", "unattached_at"),
                    *("attempts", "run_after", *FACTS),
                )
            },
        ),
    )
    inlines = (AttachmentsInline, UploadsInline)
    actions = ("try_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MediaResource]:
        """Count the places of the rows on the page, in the page's own query."""
        rows: QuerySet[MediaResource] = super().get_queryset(request)
        shown = Attachment.objects.filter(resource=OuterRef("pk")).order_by()
        counted = shown.values("resource").annotate(total=Count("pk")).values("total")
        return rows.annotate(place_total=Coalesce(Subquery(counted), 0))

    def get_readonly_fields(
        self, request: HttpRequest, obj: MediaResource | None = None
    ) -> tuple[str, ...]:
        """Leave open what people say; the protection only to superusers."""
        open_fields = {"alt_text", "caption"} | ({"protected"} if is_superuser(request) else set())
        named = [name for _, options in self.fieldsets for name in options["fields"]]
        return tuple(name for name in named if name not in open_fields)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change resources may change what people say of them."""
        return request.user.has_perm("media.change_mediaresource")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may delete resources may discard what nothing shows."""
        return request.user.has_perm("media.delete_mediaresource")

    # --- Columns and facts --------------------------------------------------------------------

    @admin.display(description="Picture")
    def picture(self, resource: MediaResource) -> str:
        """Show a small image."""
        return thumbnail(resource)

    @admin.display(description="Picture")
    def preview(self, resource: MediaResource) -> str:
        """Show the image."""
        return preview(resource)

    @admin.display(description="Resource", ordering="storage_key")
    def name(self, resource: MediaResource) -> str:
        """Name the resource by the end of its id."""
        return f"…{str(resource.pk)[-12:]}.{resource.extension}"

    @admin.display(description="URL")
    def address(self, resource: MediaResource) -> str:
        """Link to the bytes."""
        url = resource_url(resource)
        if url is None:
            return NOTHING
        return anchor(url, url)

    @coloured(description="Status", ordering="status", colours=STATUS_COLOURS)
    def status_label(self, resource: MediaResource) -> tuple[str, str]:
        """Colour the status."""
        return resource.status, resource.get_status_display()

    @admin.display(description="Failure", ordering="failure_code")
    def failure(self, resource: MediaResource) -> str:
        """Show why it failed."""
        code = resource.failure_code
        return f"{failures.sentence_for(code)} ({code})" if code else NOTHING

    @admin.display(description="Size", ordering="file_size")
    def size(self, resource: MediaResource) -> str:
        """Tell the size."""
        return readable_size(resource.file_size)

    @admin.display(description="Dimensions")
    def dimensions(self, resource: MediaResource) -> str:
        """Tell width and height."""
        return f"{resource.width} × {resource.height}" if resource.width else NOTHING  # noqa: RUF001

    @admin.display(description="Shown in", ordering="place_total")
    def places(self, resource: Any) -> str:
        """Link to what shows it."""
        address = list_of(Attachment, resource__id__exact=resource.pk)
        return anchor(address, resource.place_total)

    @admin.display(description="Copied from")
    def origin(self, resource: MediaResource) -> str:
        """Link to the resource the bytes were taken from."""
        return link(resource.copied_from)

    # --- What staff may do ----------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: MediaResource, form: Any, change: Any) -> None:
        """Save what was changed and nothing a worker may be writing."""
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        resources.correct(resource_id=obj.pk, values=changed)

    @admin.action(description="Try again", permissions=["change"])
    def try_again(self, request: HttpRequest, rows: QuerySet[MediaResource]) -> None:
        """Put the chosen failed resources back in the queue."""
        chosen = list(rows)
        failed = [each for each in chosen if each.status == ResourceStatus.FAILED]
        queued = sum(resources.retry(resource) for resource in failed)
        report_action(
            self,
            request,
            done=(queued, "queued again"),
            skipped=[
                (len(chosen) - len(failed), "not failed, so there is nothing to try again"),
                (len(failed) - queued, "left: the same file was taken in again in the meantime"),
            ],
        )

    def get_deleted_objects(
        self, objs: Iterable[MediaResource], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Tell what would go, and of each resource that has to stay, why."""
        kept = {resource: removal.reason_to_keep(resource) for resource in objs}
        reasons: list[str] = [
            format_html("{}: {}", link(resource), reason)
            for resource, reason in kept.items()
            if reason
        ]
        told = [link(resource) for resource in kept]
        return told, {"media resources": len(kept)}, set(), reasons

    def delete_model(self, request: HttpRequest, obj: MediaResource) -> None:
        """Discard one resource; its object follows."""
        removal.discard(resource_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MediaResource]) -> None:
        """Discard several resources, all or none."""
        with transaction.atomic():
            for pk in queryset.order_by("pk").values_list("pk", flat=True):
                removal.discard(resource_id=pk)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, then discard; tell why when something needs the resource since."""
        try:
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        except ResourceKeptError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return redirect("admin:media_mediaresource_change", object_id)
        return answer

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List; tell why when something needs one of the chosen resources since."""
        try:
            answer: HttpResponse = super().changelist_view(request, extra_context)
        except ResourceKeptError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return redirect(request.get_full_path())
        return answer
