from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.admin.trash import TRASH_FIELDS, TrashAdmin
from catalog.actions import entity_action
from catalog.admin.forms import EntityForm
from catalog.models import (
    CatalogEntity,
    Guideline,
    Look,
    LoraModel,
    Product,
    ProductionRequest,
    Subject,
)
from catalog.selectors import media_by_slot
from catalog.services import entities
from media.admin.formatting import image_tag, thumbnail
from media.models import Attachment, ResourceStatus
from media.rules.keys import thumbnail_key
from media.selectors import public_url
from sartiq.core.admin_base import (
    EMPTY_VALUE,
    SYSTEM_FIELDS,
    EventRecordingAdmin,
    anchor,
    changelist_url,
    link,
)

OWNER = ("organization", "user")
TAKEN_CONCURRENTLY = (
    "Another user just took this SKU or slug. Nothing was saved; choose another one."
)


class EntityAdmin(TrashAdmin, EventRecordingAdmin):
    """Base class of entity pages: owner, media, and deletion by the service."""

    form = EntityForm
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    list_filter: tuple[Any, ...] = (
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related: tuple[str, ...] = OWNER
    ordering = ("-created_at", "-id")
    autocomplete_fields: tuple[str, ...] = ("organization",)
    actions = ("restore",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the image and the number of files to the rows, in the list's query."""
        rows: QuerySet[Any] = super().get_queryset(request)
        attachments = Attachment.objects.filter(
            entity_type=self.model.entity_type, entity_id=OuterRef("pk")
        ).order_by()
        images = attachments.filter(
            resource__status=ResourceStatus.READY, resource__has_thumbnail=True
        ).order_by(Case(When(slot="cover_image", then=Value(0)), default=1), "slot", "position")
        totals = attachments.values("entity_id").annotate(total=Count("pk")).values("total")
        annotated: QuerySet[Any] = rows.annotate(
            image_id=Subquery(images.values("resource_id")[:1]),
            media_total=Coalesce(Subquery(totals), 0),
        )
        return annotated

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Set the creator on the form class; Django builds one for every request."""
        form = super().get_form(request, *args, **kwargs)
        form.creator = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Make the owner of existing rows read-only: it cannot change."""
        read_only = ("media_preview", "user", *SYSTEM_FIELDS, *TRASH_FIELDS)
        return read_only if obj is None else (*read_only, "organization")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the fields of the entity, its media, then owner and times."""
        fieldsets = super().get_fieldsets(request, obj)
        others = {"owner", *OWNER, "media_preview", *SYSTEM_FIELDS, *TRASH_FIELDS}
        own = [name for name in fieldsets[0][1]["fields"] if name not in others]
        if obj is None:
            return [(None, {"fields": ["owner", "organization", *own]})]
        deletion = TRASH_FIELDS if obj.deleted_at else ()
        return [
            (None, {"fields": own}),
            ("Media", {"fields": ["media_preview"]}),
            ("Details", {"fields": [*OWNER, *SYSTEM_FIELDS, *deletion]}),
        ]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save; report a unique value that another request took after the check."""
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            self.message_user(request, TAKEN_CONCURRENTLY, messages.ERROR)
            return redirect(request.get_full_path())
        return response

    def action_of(self, obj: CatalogEntity, verb: str) -> str:
        """Return the action for what happened to an entity."""
        return entity_action(obj.entity_type, verb)

    def delete_model(self, request: HttpRequest, obj: CatalogEntity) -> None:
        """Move one entity to the trash."""
        entities.discard(type(obj).objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CatalogEntity]) -> None:
        """Move several entities to the trash."""
        ids = list(queryset.values_list("pk", flat=True))
        entities.discard(queryset.model.objects.filter(pk__in=ids))

    def restore_row(self, row: CatalogEntity) -> None:
        """Restore one entity with its files and links."""
        entities.restore_as_staff(type(row), entity_id=row.pk)

    @admin.display(description="Image")
    def image(self, entity: Any) -> str:
        """Show the cover image, or else the first image."""
        if entity.image_id is None:
            return EMPTY_VALUE
        return image_tag(url=public_url(thumbnail_key(entity.image_id)), alt=entity.name)

    @admin.display(description="Files", ordering="media_total")
    def files_link(self, entity: Any) -> str:
        """Link to the attachments of the entity."""
        return anchor(changelist_url(Attachment, q=entity.pk), entity.media_total)

    @admin.display(description="Media")
    def media_preview(self, entity: CatalogEntity) -> str:
        """Show every slot with its files, each linked to its page."""
        slots = media_by_slot([entity]).get(entity.pk, {})
        rows = (
            (
                attachment.slot.replace("_", " "),
                thumbnail(attachment.resource),
                link(attachment.resource),
            )
            for attachments in slots.values()
            for attachment in attachments
        )
        return format_html_join("", "<p>{} {} {}</p>", rows) or EMPTY_VALUE


@admin.register(Product)
class ProductAdmin(EntityAdmin):
    """Products with their images."""

    list_display = ("image", "name", "sku", "brand", "color", "files_link", *OWNER, "created_at")
    list_display_links = ("image", "name")
    list_filter = ("brand", "gender", *EntityAdmin.list_filter)
    search_fields = ("name", "sku", "brand", "=id", "user__email", "organization__name")


@admin.register(Subject)
class SubjectAdmin(EntityAdmin):
    """Real and generated people, with their LoRA models."""

    list_display = (
        "image",
        "name",
        "slug",
        "type",
        "lora_trigger",
        "models_link",
        "files_link",
        *OWNER,
        "created_at",
    )
    list_display_links = ("image", "name")
    list_filter = ("type", *EntityAdmin.list_filter)
    search_fields = ("name", "slug", "lora_trigger", "=id", "user__email", "organization__name")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Suggest a slug from the name for a new subject."""
        return {} if obj else {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the models too."""
        models = LoraModel.objects.filter(subject=OuterRef("pk")).order_by()
        totals = models.values("subject").annotate(total=Count("pk")).values("total")
        rows: QuerySet[Any] = super().get_queryset(request)
        annotated: QuerySet[Any] = rows.annotate(model_total=Coalesce(Subquery(totals), 0))
        return annotated

    @admin.display(description="LoRA models", ordering="model_total")
    def models_link(self, subject: Any) -> str:
        """Link to the subject's models."""
        url = changelist_url(LoraModel, subject__id__exact=subject.pk)
        return anchor(url, subject.model_total)


@admin.register(Look)
class LookAdmin(EntityAdmin):
    """Products worn together."""

    list_display = ("image", "name", "subject_link", "files_link", *OWNER, "created_at")
    list_display_links = ("image", "name")
    list_select_related = (*OWNER, "subject")
    search_fields = ("name", "subject__name", "=id", "user__email", "organization__name")
    autocomplete_fields = (
        *EntityAdmin.autocomplete_fields,
        "products",
        "subject",
        "export_configuration",
    )

    @admin.display(description="Subject", ordering="subject__name")
    def subject_link(self, look: Look) -> str:
        """Link to the subject."""
        return link(look.live_subject)


@admin.register(Guideline)
class GuidelineAdmin(EntityAdmin):
    """Guidelines for images."""

    list_display = ("image", "name", "files_link", *OWNER, "created_at")
    list_display_links = ("image", "name")
    search_fields = ("name", "=id", "user__email", "organization__name")
    autocomplete_fields = (*EntityAdmin.autocomplete_fields, "export_configuration")


@admin.register(ProductionRequest)
class ProductionRequestAdmin(EntityAdmin):
    """Looks to be produced."""

    list_display = ("name", "guideline_link", *OWNER, "created_at")
    list_select_related = (*OWNER, "guideline")
    search_fields = ("name", "guideline__name", "=id", "user__email", "organization__name")
    autocomplete_fields = (
        *EntityAdmin.autocomplete_fields,
        "looks",
        "guideline",
        "export_configuration",
    )

    @admin.display(description="Guideline", ordering="guideline__name")
    def guideline_link(self, production_request: ProductionRequest) -> str:
        """Link to the guideline."""
        return link(production_request.live_guideline)
