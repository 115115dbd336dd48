from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.owners import OwnerForm
from exports.actions import ExportAction
from exports.models import ExportConfiguration, MetadataAdapterVisibility
from exports.rules.adapters.registry import codes
from exports.rules.wildcards import EXAMPLES
from exports.selectors import template_of
from exports.services import configurations
from sartiq.core.admin_base import EMPTY_VALUE, SYSTEM_FIELDS, EventRecordingAdmin
from sartiq.core.errors import InvalidError

OWNER = ("organization", "user")


def _adapter_field(**options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=codes, widget=UnfoldAdminSelectWidget, **options)


class ConfigurationForm(OwnerForm):
    """A configuration with the same rules as in the API."""

    metadata_adapter = _adapter_field(initial="default")

    class Meta:
        model = ExportConfiguration
        fields = ("name", "metadata_adapter", "image_format", "naming_convention_template")

    def clean_naming_convention_template(self) -> str | None:
        """Treat an empty template as no template."""
        return self.cleaned_data["naming_convention_template"] or None

    def clean(self) -> dict[str, Any]:
        """Report the API's validation errors at their fields."""
        cleaned = super().clean()
        changed = {name: cleaned[name] for name in self.changed_data if name in cleaned}
        organization = cleaned.get("organization", self.instance.organization)
        configuration = ExportConfiguration(
            user_id=self.instance.user_id,
            organization=organization,
            metadata_adapter=cleaned.get("metadata_adapter", self.instance.metadata_adapter),
        )
        try:
            configurations.require_consistent(configuration, changed)
        except InvalidError as error:
            self.add_error(str(error.loc[-1]), error.detail)
        return cleaned


@admin.register(ExportConfiguration)
class ExportConfigurationAdmin(EventRecordingAdmin):
    """Export configurations, with an example name."""

    created_action = ExportAction.CONFIGURATION_CREATED
    updated_action = ExportAction.CONFIGURATION_UPDATED
    deleted_action = ExportAction.CONFIGURATION_DELETED

    form = ConfigurationForm
    list_display = (
        "name",
        "metadata_adapter",
        "image_format",
        "template",
        "name_preview",
        *OWNER,
        "created_at",
    )
    list_filter = (
        "metadata_adapter",
        "image_format",
        ("organization", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = OWNER
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    search_fields = (
        "name",
        "naming_convention_template",
        "=id",
        "user__email",
        "organization__name",
    )
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("organization",)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Set the creator on the form class; Django builds one for every request."""
        form = super().get_form(request, *args, **kwargs)
        form.creator = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Make the owner read-only on existing rows: it cannot change."""
        fixed = ("name_preview", "user", *SYSTEM_FIELDS)
        return fixed if obj is None else (*fixed, "organization")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the configuration with an example name, then its owner."""
        names = list(ConfigurationForm.Meta.fields)
        if obj is None:
            return [(None, {"fields": ["owner", "organization", *names]})]
        return [
            (None, {"fields": [*names, "name_preview"]}),
            ("Details", {"fields": [*OWNER, *SYSTEM_FIELDS]}),
        ]

    def delete_model(self, request: HttpRequest, obj: ExportConfiguration) -> None:
        """Delete a configuration; objects linked to it fall back to the next level."""
        configurations.delete_first(ExportConfiguration.objects.filter(pk=obj.pk))

    @admin.display(description="Template", ordering="naming_convention_template")
    def template(self, configuration: ExportConfiguration) -> str:
        """Show the customer's template."""
        return configuration.naming_convention_template or EMPTY_VALUE

    @admin.display(description="Example name")
    def name_preview(self, configuration: ExportConfiguration) -> str:
        """Show a name made of the wildcards' examples."""
        return format_html("<code>{}</code>", template_of(configuration).render(EXAMPLES))


class VisibilityForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Who may use an adapter."""

    code = _adapter_field(label="Adapter")


@admin.register(MetadataAdapterVisibility)
class MetadataAdapterVisibilityAdmin(EventRecordingAdmin):
    """Restrict adapters to organizations; adapters without a row are available to all."""

    created_action = updated_action = deleted_action = ExportAction.VISIBILITY_CHANGED

    form = VisibilityForm
    list_display = ("code", "is_public", "created_at")
    list_filter = ("is_public", ("created_at", RangeDateTimeFilter))
    search_fields = ("code", "organizations__name")
    ordering = ("code",)
    fields = ("code", "is_public", "organizations", *SYSTEM_FIELDS)
    readonly_fields = SYSTEM_FIELDS
    autocomplete_fields = ("organizations",)
