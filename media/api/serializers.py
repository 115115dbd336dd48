from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from media import selectors
from media.models import Attachment, MediaResource, ResourceStatus, ResourceType
from media.rules import failures, limits
from sartiq.core.api.fields import IntegerField
from sartiq.core.api.serializers import StrictSerializer


class AttachmentOut(serializers.ModelSerializer[Attachment]):
    """One attachment of a resource to an entity."""

    entity_type = serializers.SerializerMethodField()

    class Meta:
        model = Attachment
        fields = ["id", "entity_type", "entity_id", "slot", "position", "created_at"]

    def get_entity_type(self, attachment: Attachment) -> str:
        """Return the entity type in lower case."""
        return attachment.entity_type.lower()


STATUS_CHOICES = [(value, value) for value in (status.lower() for status in ResourceStatus.values)]
TYPE_CHOICES = [(value, value) for value in (kind.lower() for kind in ResourceType.values)]
FILENAME_HELP = "The name of the file that was first uploaded, without folders; null if unknown."


class MediaFailureOut(serializers.Serializer[Any]):
    """Why a file failed: a code, and a human-readable message that says what to do."""

    code = serializers.ChoiceField(choices=failures.CODES)
    message = serializers.CharField()


class MediaResourceOut(serializers.ModelSerializer[MediaResource]):
    """One file with its metadata and attachments."""

    status = serializers.SerializerMethodField()
    resource_type = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    filename = serializers.SerializerMethodField(help_text=FILENAME_HELP)
    sha256 = serializers.CharField(source="content_hash")
    failure_code = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    attachments = AttachmentOut(many=True)

    class Meta:
        model = MediaResource
        fields = [
            "id",
            "user_id",
            "organization_id",
            "resource_type",
            "status",
            "failure_code",
            "failure",
            "url",
            "thumbnail_url",
            "filename",
            "sha256",
            "etag",
            "content_type",
            "extension",
            "file_size",
            "width",
            "height",
            "dominant_color",
            "color_profile",
            "duration",
            "alt_text",
            "caption",
            "protected",
            "attachments",
            "created_at",
            "updated_at",
            "deleted_at",
        ]

    @extend_schema_field(serializers.ChoiceField(choices=STATUS_CHOICES))
    def get_status(self, resource: MediaResource) -> str:
        """Return the status in lower case."""
        return resource.status.lower()

    @extend_schema_field(serializers.ChoiceField(choices=TYPE_CHOICES))
    def get_resource_type(self, resource: MediaResource) -> str:
        """Return the kind of file in lower case."""
        return resource.resource_type.lower()

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_url(self, resource: MediaResource) -> str | None:
        """Return the URL of the file."""
        return selectors.resource_url(resource)

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_thumbnail_url(self, resource: MediaResource) -> str | None:
        """Return the URL of the thumbnail; null until READY, or if there is none."""
        return selectors.thumbnail_url(resource)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_filename(self, resource: MediaResource) -> str | None:
        """Return the file name, if it is known."""
        return resource.filename or None

    @extend_schema_field(serializers.ChoiceField(choices=failures.CODES, allow_null=True))
    def get_failure_code(self, resource: MediaResource) -> str | None:
        """Return the code of the failure, if any."""
        return resource.failure_code or None

    @extend_schema_field(MediaFailureOut(allow_null=True))
    def get_failure(self, resource: MediaResource) -> dict[str, str] | None:
        """Return the failure with its message, if any."""
        return failures.as_json(resource.failure_code)


class MediaResourceUpdate(StrictSerializer[Any]):
    """Texts, saved as sent, and measurements, saved only where still unknown."""

    color_profile = serializers.CharField(max_length=255, required=False, allow_null=True)
    duration = serializers.FloatField(
        min_value=0, max_value=10_000_000, required=False, allow_null=True
    )
    dominant_color = serializers.RegexField(
        r"\A#[0-9a-fA-F]{6}\Z", trim_whitespace=False, required=False, allow_null=True
    )
    width = IntegerField(min_value=1, max_value=limits.MAX_SIDE, required=False, allow_null=True)
    height = IntegerField(min_value=1, max_value=limits.MAX_SIDE, required=False, allow_null=True)
    # Stored as sent, with leading and trailing blanks.
    alt_text = serializers.CharField(
        max_length=1000,
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
    )
    caption = serializers.CharField(
        max_length=2000,
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
    )


class HealOut(serializers.Serializer[Any]):
    """Number of resources queued for another attempt."""

    schema_name = "HealResponse"

    queued = serializers.IntegerField()


class MediaOut(serializers.Serializer[Any]):
    """One file of an entity; `url` is temporary while pending and null once failed."""

    resource_id = serializers.UUIDField()
    slot = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUS_CHOICES)
    url = serializers.URLField(allow_null=True)
    thumbnail_url = serializers.URLField(
        allow_null=True,
        help_text=(
            f"A WebP of at most {limits.THUMBNAIL_SIDE} pixels; null until ready, or if there is"
            " none."
        ),
    )
    failure = MediaFailureOut(allow_null=True)
    filename = serializers.CharField(allow_null=True, help_text=FILENAME_HELP)
    content_type = serializers.CharField()
    file_size = serializers.IntegerField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    dominant_color = serializers.CharField(allow_null=True)
    alt_text = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Attachment) -> dict[str, Any]:
        """Return the attachment as JSON."""
        return selectors.attachment_as_json(instance)
