from django.db import models

from accounts.models import Organization
from sartiq.core.models import TimestampedModel


class MetadataAdapterVisibility(TimestampedModel):
    """Which organizations may use an adapter. Without a row, all may."""

    code = models.CharField(max_length=32, unique=True)
    is_public = models.BooleanField(default=True)
    organizations = models.ManyToManyField(Organization, related_name="+", blank=True)

    class Meta(TimestampedModel.Meta):
        verbose_name_plural = "metadata adapter visibilities"

    def __str__(self) -> str:
        return self.code
