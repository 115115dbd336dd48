from django.db import models
from django.db.models import Q

from accounts.models import User
from catalog.models.entities import Subject
from sartiq.core.models import TimestampedModel


class Verdict(models.TextChoices):
    """Result of scanning a model file without loading it."""

    CLEAN = "CLEAN", "Clean"
    SUSPICIOUS = "SUSPICIOUS", "Suspicious"
    DANGEROUS = "DANGEROUS", "Dangerous"
    UNSCANNED = "UNSCANNED", "Not scanned"


class LoraModel(TimestampedModel):
    """A LoRA model of a subject; its file is in the private bucket.

    `file_path` is the object's key. Deleting a subject does not delete its models.
    """

    subject = models.ForeignKey(
        Subject, on_delete=models.SET_NULL, null=True, related_name="lora_models"
    )
    trigger = models.CharField(
        max_length=255, blank=True, help_text="When given, it becomes the subject's trigger."
    )
    entity_type = models.CharField(max_length=64, blank=True)
    file_path = models.CharField(max_length=255, unique=True, editable=False)
    filename = models.CharField(max_length=255, editable=False)
    file_size = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField("SHA-256", max_length=64, editable=False)
    tensor_count = models.PositiveIntegerField(null=True, editable=False)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, editable=False)
    verdict_details = models.TextField(blank=True, editable=False)
    upload_timestamp = models.DateTimeField(editable=False)
    uploaded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta(TimestampedModel.Meta):
        verbose_name = "LoRA model"
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=Verdict.values), name="lora_model_verdict_known"
            ),
            models.CheckConstraint(
                condition=Q(file_path__startswith="loras/"), name="lora_model_has_bytes"
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def partial_path(self) -> str:
        """The key without the common prefix."""
        return self.file_path.removeprefix("loras/")
