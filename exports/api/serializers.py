from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exports.models import ExportConfiguration, ImageFormat
from exports.rules.adapters.registry import codes
from exports.rules.levels import Level
from exports.rules.templates import MAX_TEMPLATE_LENGTH
from exports.selectors import template_of
from exports.services.resolution import Resolution
from sartiq.core.api.fields import BooleanField, UUIDField
from sartiq.core.api.serializers import StrictSerializer

MAX_NAME_LENGTH = 255
LEVELS = [level.value for level in Level]


def adapter_choices() -> list[tuple[str, str]]:
    """Return the codes of the adapters, for the schema's `MetadataAdapter`."""
    return codes()


def format_choices() -> list[tuple[str, str]]:
    """Return the image formats in lower case, for the schema's `ImageFormat`."""
    return [(image_format.value.lower(), image_format.label) for image_format in ImageFormat]


class AdapterField(serializers.ChoiceField):
    """The code of a metadata adapter."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=adapter_choices(), **kwargs)


class FormatField(serializers.ChoiceField):
    """An image format, lower case in the API."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=format_choices(), **kwargs)

    def to_internal_value(self, data: Any) -> ImageFormat:
        """Return the format with this name."""
        return ImageFormat(str(super().to_internal_value(data)).upper())

    def to_representation(self, value: Any) -> str:
        """Return the format in lower case."""
        return str(value).lower()


def _template_field() -> serializers.CharField:
    return serializers.CharField(
        max_length=MAX_TEMPLATE_LENGTH, required=False, allow_null=True, trim_whitespace=False
    )


class ExportConfigurationPublic(serializers.ModelSerializer[ExportConfiguration]):
    """Public schema for export configuration responses."""

    schema_name = "ExportConfigurationPublic"
    schema_example: ClassVar[dict[str, str]] = {
        "created_at": "2025-01-01T00:00:00Z",
        "id": "123e4567-e89b-12d3-a456-426614174000",
        "image_format": "webp",
        "metadata_adapter": "default",
        "name": "Default",
        "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
        "updated_at": "2025-01-01T00:00:00Z",
        "user_id": "123e4567-e89b-12d3-a456-426614174001",
    }

    metadata_adapter = AdapterField()
    image_format = FormatField()

    class Meta:
        model = ExportConfiguration
        fields = [
            "id",
            "created_at",
            "updated_at",
            "user_id",
            "organization_id",
            "name",
            "metadata_adapter",
            "image_format",
            "naming_convention_template",
        ]


class ExportConfigurationCreate(StrictSerializer[Any]):
    """Schema for creating a new export configuration."""

    schema_name = "ExportConfigurationCreate"
    schema_example: ClassVar[dict[str, str]] = {
        "image_format": "webp",
        "metadata_adapter": "default",
        "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
    }

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, default="Default")
    metadata_adapter = AdapterField(default="default")
    image_format = FormatField(default=ImageFormat.WEBP)
    naming_convention_template = _template_field()


class AnyExportConfigurationCreate(ExportConfigurationCreate):
    """Schema for creating a personal configuration, or one of an organization."""

    schema_name = "AnyExportConfigurationCreate"

    organization_id = UUIDField(required=False, allow_null=True)


class ExportConfigurationUpdate(StrictSerializer[Any]):
    """Schema for updating an existing export configuration.

    All fields are optional to support partial updates via PATCH. Null clears the template and
    does not change the other fields.
    """

    schema_name = "ExportConfigurationUpdate"
    schema_example: ClassVar[dict[str, str]] = {"image_format": "jpeg", "metadata_adapter": "ovs"}

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, required=False, allow_null=True)
    metadata_adapter = AdapterField(required=False, allow_null=True)
    image_format = FormatField(required=False, allow_null=True)
    naming_convention_template = _template_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave out fields with null, except the template, which null clears."""
        return {
            name: value
            for name, value in attrs.items()
            if value is not None or name == "naming_convention_template"
        }


class Message(serializers.Serializer[Any]):
    """A message."""

    schema_name = "Message"

    message = serializers.CharField()


class MetadataAdapterOut(serializers.Serializer[Any]):
    """A metadata adapter, with those of its organizations that the caller belongs to."""

    schema_name = "MetadataAdapterPublic"

    code = serializers.CharField(source="adapter.code")
    display_name = serializers.CharField(source="adapter.display_name")
    naming_convention_example = serializers.CharField(source="adapter.naming_convention_example")
    naming_convention_template = serializers.CharField(source="adapter.template")
    is_customizable = serializers.BooleanField(source="adapter.is_customizable")
    is_public = serializers.BooleanField()
    organization_ids: Any = serializers.ListField(child=serializers.UUIDField())


class VisibilityIn(StrictSerializer[Any]):
    """Who may use an adapter."""

    schema_name = "MetadataAdapterVisibility"

    is_public = BooleanField()
    organization_ids = serializers.ListField(child=UUIDField(), max_length=1000, default=list)


class TemplateWildcardOut(serializers.Serializer[Any]):
    """A wildcard of naming templates; a numeric one may be padded (`{version:03}`)."""

    name = serializers.CharField()
    description = serializers.CharField()
    example = serializers.SerializerMethodField()
    is_number = serializers.BooleanField()
    provided_by: Any = serializers.ListField(child=serializers.CharField())

    @extend_schema_field(str)
    def get_example(self, wildcard: Any) -> str:
        """Return the example as text."""
        return str(wildcard.example)


class ResolvedConfigurationOut(serializers.Serializer[ExportConfiguration]):
    """The configuration that applies; the system default has no id.

    `naming_convention_template` is the template in use, by default the adapter's.
    """

    id = serializers.SerializerMethodField()
    name = serializers.CharField()
    metadata_adapter = AdapterField()
    image_format = FormatField()
    naming_convention_template = serializers.SerializerMethodField()

    @extend_schema_field({"type": ["string", "null"], "format": "uuid"})
    def get_id(self, configuration: ExportConfiguration) -> str | None:
        """Return the id of a stored configuration."""
        is_stored = not configuration._state.adding  # noqa: SLF001  Django's documented state
        return str(configuration.pk) if is_stored else None

    @extend_schema_field(str)
    def get_naming_convention_template(self, configuration: ExportConfiguration) -> str:
        """Return the template in use."""
        return template_of(configuration).text


class ResolutionOut(serializers.Serializer[Resolution]):
    """The configuration that applies to an entity, its level, and the reason."""

    level = serializers.ChoiceField(choices=LEVELS)
    reason = serializers.CharField()
    configuration = ResolvedConfigurationOut()
