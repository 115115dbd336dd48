from pathlib import Path
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from catalog.admin.forms import CHOOSE_A_FILE, LoraUploadForm
from catalog.models import LoraModel, Verdict
from catalog.rules import lora as rules
from catalog.services import lora
from media.admin.formatting import readable_size
from sartiq.core.admin_base import SYSTEM_FIELDS, anchor, coloured, is_superuser, link
from sartiq.core.errors import SartiqError

MAX_FIELDS_BYTES = 1024 * 1024  # of the form without its file
VERDICT_COLOURS = {
    Verdict.CLEAN: "success",
    Verdict.SUSPICIOUS: "warning",
    Verdict.DANGEROUS: "danger",
    Verdict.UNSCANNED: "warning",
}


def _set_file_error(request: HttpRequest, message: str) -> None:
    """Store an error for the form of this request to show."""
    request.lora_file_error = message  # type: ignore[attr-defined]  # specific to this view


class BoundedFileHandler(TemporaryFileUploadHandler):
    """Streams the file to disk, and skips it once it exceeds the size limit."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._request = request

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Skip the file if the Content-Length is too large."""
        if int(self._request.META.get("CONTENT_LENGTH") or 0) > rules.MAX_SIZE + MAX_FIELDS_BYTES:
            self._skip()
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a chunk of the file."""
        if start + len(raw_data) > rules.MAX_SIZE:
            self._skip()
        super().receive_data_chunk(raw_data, start)

    def _skip(self) -> None:
        _set_file_error(self._request, rules.TOO_LARGE)
        raise SkipFile


@admin.register(LoraModel)
class LoraModelAdmin(ModelAdmin):
    """LoRA models: uploaded by superusers, scanned and never loaded."""

    list_display = (
        "filename",
        "verdict_label",
        "subject_link",
        "trigger",
        "entity_type",
        "size",
        "uploaded_by",
        "upload_timestamp",
    )
    list_filter = (
        "verdict",
        ("subject", AutocompleteSelectFilter),
        ("upload_timestamp", RangeDateTimeFilter),
    )
    list_filter_submit = True
    list_select_related = ("subject", "uploaded_by")
    search_fields = ("filename", "file_path", "sha256", "trigger", "subject__name", "=id")
    ordering = ("-upload_timestamp", "-id")
    autocomplete_fields = ("subject",)
    add_fieldsets = ((None, {"fields": ("subject", "file", "trigger", "entity_type")}),)
    fieldsets = (
        (None, {"fields": ("warning", "download")}),
        ("Editable by staff", {"fields": ("subject", "trigger", "entity_type")}),
        (
            "The file",
            {
                "fields": (
                    "file_path",
                    "partial_path",
                    "filename",
                    "file_size",
                    "upload_timestamp",
                    "sha256",
                    "tensor_count",
                    "uploaded_by",
                    *SYSTEM_FIELDS,
                )
            },
        ),
    )
    readonly_fields = (
        "warning",
        "download",
        "file_path",
        "partial_path",
        "filename",
        "file_size",
        "upload_timestamp",
        "sha256",
        "tensor_count",
        "uploaded_by",
        *SYSTEM_FIELDS,
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let only superusers upload models."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let only superusers change a model's description."""
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let only superusers delete models."""
        return is_superuser(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the download page."""
        view = self.admin_site.admin_view(self.download_view)
        name = "catalog_loramodel_download"
        return [path("<uuid:model_id>/download/", view, name=name), *super().get_urls()]

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the upload form for a new model."""
        if obj is not None:
            return super().get_form(request, obj, *args, **kwargs)
        form = super().get_form(request, obj, *args, **kwargs | {"form": LoraUploadForm})
        form.file_error = getattr(request, "lora_file_error", "")
        return form

    # The handlers must be set before the form is read, which the CSRF check does.
    @method_decorator(csrf_exempt)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form, or upload a model."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        request.upload_handlers = [BoundedFileHandler(request)]
        return self._add(request, form_url, extra_context)

    @method_decorator(csrf_protect)
    def _add(self, request: HttpRequest, form_url: str, extra_context: Any) -> HttpResponse:
        # Django's own view would save the form in a transaction; storing the file takes too long.
        if request.method == "POST":
            model = self._upload(request)
            if model is not None:
                self.log_addition(request, model, [{"added": {}}])
                redirect: HttpResponse = self.response_add(request, model)
                return redirect
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def _upload(self, request: HttpRequest) -> LoraModel | None:
        """Return the new model, or None after setting the error for the form."""
        form = self.get_form(request)(request.POST, request.FILES)
        if not form.is_valid():
            _set_file_error(request, getattr(request, "lora_file_error", CHOOSE_A_FILE))
            return None
        cleaned, file = form.cleaned_data, form.cleaned_data["file"]
        try:
            return lora.upload(
                file=lora.ModelFile(path=Path(file.temporary_file_path()), filename=file.name),
                subject=cleaned["subject"],
                trigger=cleaned["trigger"],
                entity_type=cleaned["entity_type"],
                user=request.user,  # type: ignore[arg-type]  # a superuser, checked above
                now=timezone.now(),
            )
        except SartiqError as error:
            _set_file_error(request, error.detail)
            return None

    def save_model(self, request: HttpRequest, obj: LoraModel, form: Any, change: Any) -> None:
        """Save a model's description."""
        lora.describe(model=obj, user=request.user)  # type: ignore[arg-type]  # staff only

    def delete_model(self, request: HttpRequest, obj: LoraModel) -> None:
        """Delete a model; its file is deleted later."""
        lora.discard(LoraModel.objects.filter(pk=obj.pk), user=request.user)  # type: ignore[arg-type]  # staff only

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[LoraModel]) -> None:
        """Delete several models; their files are deleted later."""
        ids = list(queryset.values_list("pk", flat=True))
        lora.discard(LoraModel.objects.filter(pk__in=ids), user=request.user)  # type: ignore[arg-type]  # staff only

    def download_view(self, request: HttpRequest, model_id: Any) -> HttpResponse:
        """Redirect to a URL of the model that is valid for five minutes."""
        model = get_object_or_404(LoraModel, pk=model_id)
        if not self.has_view_permission(request, model):
            raise PermissionDenied
        return HttpResponseRedirect(lora.download_url(model))  # admin pages are never cached

    # --- Columns and fields -------------------------------------------------------------------

    @coloured(description="Verdict", ordering="verdict", colours=VERDICT_COLOURS)
    def verdict_label(self, model: LoraModel) -> tuple[str, str]:
        """Show the verdict as a coloured label."""
        return model.verdict, model.get_verdict_display()

    @admin.display(description="Verdict")
    def warning(self, model: LoraModel) -> str:
        """Show the scan result prominently."""
        is_warning = model.verdict != Verdict.CLEAN
        style = "border-left:4px solid {};padding:.5rem 1rem".format(
            "#dc2626" if is_warning else "#16a34a"
        )
        verdict, details = model.get_verdict_display(), model.verdict_details
        return format_html('<div style="{}"><b>{}</b>. {}</div>', style, verdict, details)

    @admin.display(description="File")
    def download(self, model: LoraModel) -> str:
        """Link to the download."""
        url = reverse("admin:catalog_loramodel_download", args=[model.pk])
        return anchor(url, "Download (the link is valid for five minutes)")

    @admin.display(description="Subject", ordering="subject__name")
    def subject_link(self, model: LoraModel) -> str:
        """Link to the subject."""
        return link(model.subject)

    @admin.display(description="Size", ordering="file_size")
    def size(self, model: LoraModel) -> str:
        """Return the size."""
        return readable_size(model.file_size)
