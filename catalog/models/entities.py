from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import OwnedModel, indexes_by_owner
from catalog.rules.slots import EntityType


class CatalogEntity(OwnedModel):
    """An entity of the catalogue: it holds its own fields, its media are attachments."""

    entity_type: ClassVar[EntityType]

    name = models.CharField(max_length=255)

    class Meta(OwnedModel.Meta):
        abstract = True
        indexes = indexes_by_owner("%(class)s")

    def __str__(self) -> str:
        return self.name


def _once_per_owner(field: str, name: str) -> list[models.BaseConstraint]:
    """Return the constraints that keep `field`, when set, unique in an owner's scope."""
    return [
        models.UniqueConstraint(
            fields=["organization", field],
            condition=Q(organization__isnull=False),
            name=f"{name}_once_per_organization",
        ),
        models.UniqueConstraint(
            fields=["user", field],
            condition=Q(organization__isnull=True),
            name=f"{name}_once_per_user",
        ),
    ]


class ConfiguredEntity(CatalogEntity):
    """An entity with an optional export configuration; deleting that clears the field."""

    export_configuration = models.ForeignKey(
        "exports.ExportConfiguration",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta(CatalogEntity.Meta):
        abstract = True


class Product(CatalogEntity):
    """One article: `sku` is null until set, then unique for its owner."""

    entity_type = EntityType.PRODUCT

    sku = models.CharField("SKU", max_length=100, null=True, blank=True)  # noqa: DJ001
    brand = models.CharField(max_length=255, blank=True)
    description = models.TextField(max_length=10_000, blank=True)
    gender = models.CharField(max_length=50, blank=True)
    materials = models.CharField(max_length=1000, blank=True)
    color = models.CharField(max_length=100, blank=True)

    class Meta(CatalogEntity.Meta):
        abstract = False
        constraints = _once_per_owner("sku", "product_sku")


class SubjectType(models.TextChoices):
    """Whether a subject is a person or made by a model."""

    AI = "AI", "AI"
    REAL = "REAL", "Real"


class Subject(CatalogEntity):  # type: ignore[django-manager-missing,unused-ignore]  # plugin
    """A person who wears the products."""

    entity_type = EntityType.SUBJECT

    slug = models.SlugField(max_length=255)
    type = models.CharField(max_length=8, choices=SubjectType.choices, default=SubjectType.REAL)
    lora_trigger = models.CharField(max_length=255, blank=True)

    class Meta(CatalogEntity.Meta):
        abstract = False
        constraints = _once_per_owner("slug", "subject_slug")


class Look(ConfiguredEntity):
    """Products worn together by one subject."""

    entity_type = EntityType.LOOK

    products = models.ManyToManyField(Product, related_name="looks", blank=True)
    subject = models.ForeignKey(
        Subject, on_delete=models.SET_NULL, null=True, blank=True, related_name="looks"
    )

    class Meta(ConfiguredEntity.Meta):
        abstract = False


class Guideline(ConfiguredEntity):  # type: ignore[django-manager-missing,unused-ignore]  # plugin
    """Instructions for how pictures must look."""

    entity_type = EntityType.GUIDELINE

    class Meta(ConfiguredEntity.Meta):
        abstract = False


class ProductionRequest(ConfiguredEntity):
    """Looks to be produced under one guideline."""

    entity_type = EntityType.PRODUCTION_REQUEST

    looks = models.ManyToManyField(Look, related_name="production_requests", blank=True)
    guideline = models.ForeignKey(
        Guideline,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="production_requests",
    )

    class Meta(ConfiguredEntity.Meta):
        abstract = False
