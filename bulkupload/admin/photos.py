from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from bulkupload.actions import SlotWordAction
from bulkupload.models import (
    PhotoBatch,
    PhotoBatchStatus,
    PhotoFile,
    PhotoStatus,
    SlotWord,
)
from bulkupload.rules.photos.names import words
from catalog.rules.identifiers import clean_identifier
from sartiq.core.admin_base import (
    SYSTEM_FIELDS,
    EventRecordingAdmin,
    ReadOnlyAdmin,
    choice_column,
    link_column,
)

BATCH_COLOURS = {
    PhotoBatchStatus.OPEN: "info",
    PhotoBatchStatus.RUNNING: "warning",
    PhotoBatchStatus.DONE: "success",
    PhotoBatchStatus.CANCELLED: "danger",
}
PHOTO_COLOURS = {
    PhotoStatus.WAITING: "info",
    PhotoStatus.UPLOADED: "warning",
    PhotoStatus.INGESTED: "warning",
    PhotoStatus.ATTACHED: "info",
    PhotoStatus.READY: "success",
    PhotoStatus.CONFLICT: "warning",
    PhotoStatus.FAILED: "danger",
    PhotoStatus.SKIPPED: "info",
}


@admin.register(PhotoBatch)
class PhotoBatchAdmin(ReadOnlyAdmin):
    """Photos that were matched with products by their names."""

    list_display = (
        "__str__",
        "status_label",
        "on_existing",
        "organization",
        "user",
        "started_at",
        "finished_at",
        "created_at",
    )
    list_filter = (
        "status",
        "on_existing",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("user", "organization")
    search_fields = ("=id", "name", "user__email")
    ordering = ("-created_at", "-id")
    fields = (
        "name",
        "status",
        "template",
        "on_existing",
        "user",
        "organization",
        "last_arrival_at",
        "started_at",
        "finished_at",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    status_label = choice_column("status", BATCH_COLOURS)


@admin.register(PhotoFile)
class PhotoFileAdmin(ReadOnlyAdmin):
    """Photos of batches, each with its product or the reason why it is not attached."""

    list_display = (
        "path",
        "batch_link",
        "status_label",
        "sku",
        "slot",
        "position",
        "failure_code",
        "attempts",
        "created_at",
    )
    list_filter = ("status", "slot", ("created_at", RangeDateTimeFilter))
    list_select_related = ("batch",)
    search_fields = ("=id", "=batch__id", "path", "sku", "failure_code")
    ordering = ("-created_at", "-id")
    fields = (
        "batch_link",
        "path",
        "status",
        "content_type",
        "file_size",
        "sha256",
        "product_id",
        "sku",
        "slot",
        "position",
        "matched_by",
        "candidates",
        "upload_id",
        "resource_id",
        "failure_code",
        "failure_message",
        "arrived_at",
        "checked_at",
        "finished_at",
        "attempts",
        "run_after",
        "sent_at",
        "lease_expires_at",
        "lease_fence",
        *SYSTEM_FIELDS,
    )
    readonly_fields = fields

    batch_link = link_column("batch", "Photo batch")
    status_label = choice_column("status", PHOTO_COLOURS)


class SlotWordForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A word and the slot it means."""

    def clean_word(self) -> str:
        """Return the word as names are split into words; reject anything else."""
        text = words(clean_identifier(self.cleaned_data["word"]))
        if len(text) != 1:
            raise forms.ValidationError("Enter one word of letters and digits, without separators.")
        return text[0]


@admin.register(SlotWord)
class SlotWordAdmin(EventRecordingAdmin):
    """Words in the file names of an organization, and the slots they mean."""

    created_action = SlotWordAction.CREATED
    updated_action = SlotWordAction.UPDATED
    deleted_action = SlotWordAction.DELETED

    form = SlotWordForm
    list_display = ("word", "slot", "organization", "created_at")
    list_filter = ("slot", ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization",)
    search_fields = ("word", "organization__name")
    ordering = ("organization", "word")
    fields = ("organization", "word", "slot", *SYSTEM_FIELDS)
    readonly_fields = SYSTEM_FIELDS
    autocomplete_fields = ("organization",)
