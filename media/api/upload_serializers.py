"""Serializers of uploads: requests for signed URLs, and how an upload ended."""

from typing import Any

from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from media import selectors
from media.api.serializers import STATUS_CHOICES, MediaFailureOut
from media.models import MediaResource, Upload, UploadState
from media.rules import failures, limits
from media.rules.file_types.content_types import FILE_TYPES
from media.services.uploads import UploadTicket
from sartiq.core.api.fields import IntegerField, Sha256Field, UUIDField
from sartiq.core.api.serializers import StrictSerializer

STATE_CHOICES = [(value, value) for value in (state.lower() for state in UploadState.values)]


@extend_schema_field({"type": "string", "enum": list(FILE_TYPES)})
class ContentTypeField(serializers.CharField):
    """A content type; the service checks which ones a folder accepts."""


@extend_schema_field(
    {
        "type": ["integer", "null"],
        "minimum": limits.MIN_FILE_SIZE,
        "maximum": limits.MAX_FILE_SIZE,
    }
)
class SizeField(IntegerField):
    """A size in bytes; the service checks it and raises its own error code."""


@extend_schema_serializer(component_name="PresignedUrlRequest")
class PresignIn(StrictSerializer[Any]):
    """The file a client wants to upload."""

    filename = serializers.CharField(max_length=10_000, trim_whitespace=False)
    content_type = ContentTypeField(max_length=255, trim_whitespace=False)
    folder = serializers.CharField(max_length=255, required=False, allow_blank=True)
    file_size = SizeField(required=False, allow_null=True)
    size = SizeField(required=False, allow_null=True)
    sha256 = Sha256Field(required=False, allow_null=True)
    organization_id = UUIDField(required=False, allow_null=True)


@extend_schema_serializer(component_name="PresignedUrlResponse")
class PresignOut(serializers.Serializer[UploadTicket]):
    """The signed request for the upload, and the URL to send to an entity afterwards."""

    id = serializers.UUIDField(source="upload_id")
    upload_url = serializers.URLField(source="put.url")
    file_url = serializers.URLField()
    upload_method = serializers.CharField(source="put.method")
    upload_headers = serializers.DictField(source="put.headers", child=serializers.CharField())
    expires_in_seconds = serializers.SerializerMethodField()
    max_file_size = IntegerField()
    token = serializers.CharField(source="put.token", required=False)

    def get_expires_in_seconds(self, ticket: UploadTicket) -> int:
        """Return the lifetime in seconds."""
        return int(ticket.lifetime.total_seconds())

    def to_representation(self, instance: UploadTicket) -> dict[str, Any]:
        """Build the response without DRF's fields, which take 100 µs on this busiest route."""
        response: dict[str, Any] = {
            "id": str(instance.upload_id),
            "upload_url": instance.put.url,
            "file_url": instance.file_url,
            "upload_method": instance.put.method,
            "upload_headers": dict(instance.put.headers),
            "expires_in_seconds": self.get_expires_in_seconds(instance),
            "max_file_size": instance.max_file_size,
        }
        if instance.put.token is not None:
            response["token"] = instance.put.token
        return response


class AnyField(serializers.Field[Any, Any, Any, Any]):
    """A value that is validated later."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the value as sent."""
        return data


@extend_schema_field(
    {
        "type": "array",
        "items": {"$ref": "#/components/schemas/PresignedUrlRequest"},
        "minItems": 1,
        "maxItems": limits.MAX_REQUEST_TICKETS,
    }
)
class PresignItemsField(serializers.ListField):
    """Requests for signed URLs; the view validates each of them on its own."""

    child = AnyField(allow_null=True)


@extend_schema_serializer(component_name="PresignedUrlBatchRequest")
class PresignBatchIn(StrictSerializer[Any]):
    """The files a client wants to upload."""

    items = PresignItemsField(
        min_length=1,
        max_length=limits.MAX_REQUEST_TICKETS,
        error_messages={"max_length": "Send at most {max_length} files in one request."},
        help_text="The files; each is requested as if it were alone.",
    )


@extend_schema_field({"$ref": "#/components/schemas/HTTPValidationError"})
class ProblemsField(serializers.JSONField):
    """The body of a 422."""


@extend_schema_serializer(component_name="PresignedUrlError")
class PresignErrorOut(serializers.Serializer[Any]):
    """Why one file of a batch gets no signed URL."""

    error = ProblemsField(help_text="Every problem of this file, as in a 422.")


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="PresignedUrlResult",
        serializers=[PresignOut, PresignErrorOut],
        resource_type_field_name=None,
        many=True,
    )
)
class PresignResultsField(serializers.ListField):
    """Signed requests and errors."""


@extend_schema_serializer(component_name="PresignedUrlBatchResponse")
class PresignBatchOut(serializers.Serializer[Any]):
    """The signed requests, or errors, of several files."""

    data = PresignResultsField(  # type: ignore[assignment]  # shadows a property on purpose
        help_text="One for each file, in the order of the request."
    )


class UploadedResourceOut(serializers.ModelSerializer[MediaResource]):
    """The resource that an upload became."""

    status = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = MediaResource
        fields = ["id", "status", "url"]

    @extend_schema_field(serializers.ChoiceField(choices=STATUS_CHOICES))
    def get_status(self, resource: MediaResource) -> str:
        """Return the status in lower case."""
        return resource.status.lower()

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_url(self, resource: MediaResource) -> str | None:
        """Return the URL of the file."""
        return selectors.resource_url(resource)


class UploadOut(serializers.ModelSerializer[Upload]):
    """One upload and how it ended."""

    state = serializers.SerializerMethodField()
    file_url = serializers.SerializerMethodField()
    file_size = serializers.IntegerField(
        source="declared_size",
        allow_null=True,
        help_text="The declared size in bytes; null if there is none.",
    )
    sha256 = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    resource = UploadedResourceOut(allow_null=True)

    class Meta:
        model = Upload
        fields = [
            "id",
            "user_id",
            "organization_id",
            "state",
            "failure",
            "resource",
            "filename",
            "folder",
            "content_type",
            "file_size",
            "sha256",
            "file_url",
            "expires_at",
            "created_at",
            "updated_at",
        ]

    @extend_schema_field(serializers.ChoiceField(choices=STATE_CHOICES))
    def get_state(self, upload: Upload) -> str:
        """Return the state in lower case."""
        return upload.state.lower()

    @extend_schema_field(serializers.URLField())
    def get_file_url(self, upload: Upload) -> str:
        """Return the URL to send to an entity."""
        return selectors.public_url(upload.key)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_sha256(self, upload: Upload) -> str | None:
        """Return the declared SHA-256, if any."""
        return upload.sha256 or None

    @extend_schema_field(MediaFailureOut(allow_null=True))
    def get_failure(self, upload: Upload) -> dict[str, str] | None:
        """Return why the file was rejected, whichever check found it."""
        code = upload.refusal or (upload.resource.failure_code if upload.resource else "")
        return failures.as_json(code)
