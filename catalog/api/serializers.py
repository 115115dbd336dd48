from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.models import (
    CatalogEntity,
    Guideline,
    Look,
    Product,
    ProductionRequest,
    Subject,
    SubjectType,
)
from catalog.rules.identifiers import clean_identifier
from catalog.rules.slots import SLOTS
from media.api.serializers import MediaOut
from media.rules.limits import MAX_REQUEST_IMAGES
from sartiq.core.api.fields import UUIDField
from sartiq.core.api.serializers import StrictSerializer

MAX_URL_LENGTH = 2048


def _text(limit: int) -> serializers.CharField:
    return serializers.CharField(
        max_length=limit, required=False, allow_blank=True, allow_null=True
    )


def _image() -> serializers.CharField:
    return serializers.CharField(max_length=MAX_URL_LENGTH, required=False, allow_null=True)


def _images() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=MAX_URL_LENGTH),
        required=False,
        allow_null=True,
        max_length=MAX_REQUEST_IMAGES,
    )


def _ids() -> serializers.ListField:
    return serializers.ListField(child=UUIDField(), required=False, max_length=1000)


class EntityIn(StrictSerializer[Any]):
    """Input fields of every entity."""

    name = serializers.CharField(max_length=255)


class ProductIn(EntityIn):
    """Input of a product; image fields take a `file_url`, null removes the image."""

    sku = _text(100)
    brand = _text(255)
    description = _text(10_000)
    gender = _text(50)
    materials = _text(1000)
    color = _text(100)
    cover_image = _image()
    back_image = _image()
    images = _images()

    def validate_sku(self, value: str | None) -> str | None:
        """Return the normalized SKU, or None if it is empty."""
        return clean_identifier(value or "") or None


class SubjectIn(EntityIn):
    """Input of a subject; without a slug, one is derived from the name."""

    slug = serializers.SlugField(max_length=255, required=False)
    type = serializers.ChoiceField(choices=SubjectType.choices, required=False)
    lora_trigger = _text(255)
    cover_image = _image()


class ConfiguredIn(EntityIn):
    """Input of an entity with an optional export configuration."""

    export_configuration_id = UUIDField(
        source="export_configuration", required=False, allow_null=True
    )


class LookIn(ConfiguredIn):
    """Input of a look, with the ids of its products and its subject."""

    products = _ids()
    subject = UUIDField(required=False, allow_null=True)
    reference_images = _images()


class GuidelineIn(ConfiguredIn):
    """Input of a guideline."""

    images = _images()


class ProductionRequestIn(ConfiguredIn):
    """Input of a production request, with the ids of its looks and its guideline."""

    looks = _ids()
    guideline = UUIDField(required=False, allow_null=True)


class EntityOut(serializers.ModelSerializer[Any]):
    """An entity in responses; `context["media"]` holds the attachments of each entity by slot."""

    def slot(self, entity: CatalogEntity, name: str) -> list[dict[str, Any]]:
        """Return the media of one slot."""
        attached = self.context["media"].get(entity.pk, {}).get(name, [])
        return [dict(MediaOut().to_representation(attachment)) for attachment in attached]

    def to_representation(self, instance: CatalogEntity) -> dict[str, Any]:
        """Return the entity's own fields and its slots."""
        data: dict[str, Any] = super().to_representation(instance)
        for slot in SLOTS[instance.entity_type]:
            attached = self.slot(instance, slot.name)
            data[slot.name] = attached if slot.holds_list else (attached[0] if attached else None)
        return data


BASE_FIELDS = ["id", "user_id", "organization_id", "name"]
TIMES = ["created_at", "updated_at", "deleted_at"]
CONFIGURATION = ["export_configuration_id"]


class _Slot(serializers.SerializerMethodField):
    """A slot in the schema; `EntityOut.to_representation` fills it."""

    def to_representation(self, value: Any) -> None:
        """Return None, which `EntityOut` replaces."""


@extend_schema_field(MediaOut(allow_null=True))
class OneFile(_Slot):
    """A slot that holds one file."""


@extend_schema_field(MediaOut(many=True))
class ManyFiles(_Slot):
    """A slot that holds a list of files."""


class ProductOut(EntityOut):
    """A product."""

    cover_image = OneFile()
    back_image = OneFile()
    images = ManyFiles()

    class Meta:
        model = Product
        fields = [
            *BASE_FIELDS,
            "sku",
            "brand",
            "description",
            "gender",
            "materials",
            "color",
            "cover_image",
            "back_image",
            "images",
            *TIMES,
        ]


class SubjectOut(EntityOut):
    """A subject."""

    cover_image = OneFile()

    class Meta:
        model = Subject
        fields = [*BASE_FIELDS, "slug", "type", "lora_trigger", "cover_image", *TIMES]


class ConfiguredOut(EntityOut):
    """An entity with an optional export configuration."""

    export_configuration_id = serializers.UUIDField(allow_null=True)


class LookOut(ConfiguredOut):
    """A look."""

    products: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    subject = serializers.UUIDField(source="live_subject_id", allow_null=True)
    reference_images = ManyFiles()

    class Meta:
        model = Look
        fields = [*BASE_FIELDS, "products", "subject", *CONFIGURATION, "reference_images", *TIMES]


class GuidelineOut(ConfiguredOut):
    """A guideline."""

    images = ManyFiles()

    class Meta:
        model = Guideline
        fields = [*BASE_FIELDS, *CONFIGURATION, "images", *TIMES]


class ProductionRequestOut(ConfiguredOut):
    """A production request."""

    looks: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    guideline = serializers.UUIDField(source="live_guideline_id", allow_null=True)

    class Meta:
        model = ProductionRequest
        fields = [*BASE_FIELDS, "looks", "guideline", *CONFIGURATION, *TIMES]
