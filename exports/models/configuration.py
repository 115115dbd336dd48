from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import OwnedModel, OwnedQuerySet, OwnerScope, User, indexes_by_owner
from exports.rules.templates import MAX_TEMPLATE_LENGTH


class ImageFormat(models.TextChoices):
    """Format of exported images; lower case in the API."""

    WEBP = "WEBP", "WebP"
    JPEG = "JPEG", "JPEG"
    PNG = "PNG", "PNG"
    AVIF = "AVIF", "AVIF"
    ORIGINAL = "ORIGINAL", "Original"


class ExportConfigurationQuerySet(OwnedQuerySet["ExportConfiguration"]):
    """Queries for export configurations."""

    def linkable_by(self, user: User, scope: OwnerScope) -> Self:
        """Filter those this user may link to a row of the scope: the owner's and the user's own."""
        return self.in_scope(scope) | self.in_scope(OwnerScope(user_id=user.pk))


class ExportConfiguration(OwnedModel):
    """An owner's settings for naming, converting and describing exported files.

    `metadata_adapter` is the code of a registered adapter, whose template is used if the
    configuration has none. For an organization's configuration, `user` is its creator.
    """

    name = models.CharField(max_length=255, default="Default")
    metadata_adapter = models.CharField(max_length=32, default="default")
    image_format = models.CharField(
        max_length=16, choices=ImageFormat.choices, default=ImageFormat.WEBP
    )
    naming_convention_template = models.CharField(  # noqa: DJ001  null on the wire, never empty
        max_length=MAX_TEMPLATE_LENGTH, null=True, blank=True
    )

    objects: ClassVar = ExportConfigurationQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        indexes = indexes_by_owner("exportconfig")
        constraints = [
            models.CheckConstraint(
                condition=Q(image_format__in=ImageFormat.values), name="exportconfig_format_known"
            ),
            models.CheckConstraint(
                condition=~Q(naming_convention_template=""), name="exportconfig_template_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return self.name
