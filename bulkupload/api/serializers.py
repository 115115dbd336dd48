import json
from dataclasses import asdict
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bulkupload.codes import FAILURE_CODES, ROW_ERROR_CODES
from bulkupload.errors import BadMappingError
from bulkupload.models import BulkUploadJob, BulkUploadRowError, JobStatus
from bulkupload.rules.rows.columns import FIELDS
from bulkupload.rules.table.dialects import DELIMITERS
from bulkupload.rules.table.encodings import LABELS, codec_named
from bulkupload.rules.table.mappings import read_mapping
from bulkupload.selectors import Progress
from sartiq.core.api.fields import BooleanField, UUIDField
from sartiq.core.api.parsers import DuplicateKeyError, unique_keys

FORMATS = ["csv", "xlsx"]
STATUSES = [value.lower() for value in JobStatus.values]


class MappingField(serializers.JSONField):
    """JSON in a form field; JSON that is nested too deeply is invalid, like any other bad JSON."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the parsed value."""
        try:
            return json.loads(data, object_pairs_hook=unique_keys)
        except DuplicateKeyError:
            raise serializers.ValidationError("A column is mapped twice.", "duplicate") from None
        except (TypeError, ValueError, RecursionError):
            self.fail("invalid")


class BulkUploadIn(serializers.Serializer[Any]):
    """A table and how to import it, as parts of a form.

    Parts that look misspelt are rejected: with a misspelt `dry_run` rows would be imported.
    """

    refuses_misspellings = True

    # The service rejects an empty file, with its own code.
    file = serializers.FileField(
        allow_empty_file=True, help_text="CSV, TSV or XLSX, at most 512 MiB and 2,000,000 rows"
    )
    organization_id = UUIDField(
        required=False, help_text="May be in the query instead; if in both, they must be equal"
    )
    dry_run = BooleanField(default=False, help_text="Count the outcomes without importing")
    mapping = MappingField(
        required=False,
        help_text='Column to field, `{"Article no.": "sku"}`; null ignores a column',
    )

    encoding = serializers.CharField(
        required=False,
        max_length=40,
        help_text="Text encoding of a CSV or TSV, such as `windows-1250` or `shift_jis`; "
        "default: the part's `charset`, otherwise detected",
    )

    def validate_encoding(self, value: str) -> str:
        """Return the codec of a supported encoding."""
        return _codec(value)

    def validate_file(self, value: "UploadedFile[Any]") -> "UploadedFile[Any]":
        """Return the file if the charset of its part is a supported encoding."""
        _charset_of(value)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the fields, with the charset of the file's part if no encoding is sent."""
        attrs.setdefault("encoding", _charset_of(attrs["file"]))
        return attrs

    def validate_mapping(self, value: Any) -> dict[str, str | None]:
        """Return the mapping if it maps column names to known fields."""
        try:
            return read_mapping(value)
        except BadMappingError as error:
            raise serializers.ValidationError(error.message, code=error.code) from None


def _charset_of(file: "UploadedFile[Any]") -> str:
    """Return the codec of the file's part, empty if it states none."""
    charset: Any = file.charset  # bytes, as Django's parser reads headers
    label = charset.decode("latin-1") if isinstance(charset, bytes) else charset
    return _codec(label) if label else ""


def _codec(label: str) -> str:
    codec = codec_named(label)
    if codec is None:
        names = ", ".join(LABELS.values())
        raise serializers.ValidationError(f"Supported encodings: {names}.", code="enum")
    return codec


class DialectOut(serializers.Serializer[Any]):
    """The dialect of the table."""

    format = serializers.ChoiceField(choices=FORMATS)
    encoding = serializers.CharField()
    confidence = serializers.FloatField(
        min_value=0, max_value=1, default=1.0, help_text="How certain the encoding is; 1 if stated"
    )
    delimiter = serializers.ChoiceField(choices=list(DELIMITERS))
    line_ending = serializers.CharField(trim_whitespace=False)


class ColumnOut(serializers.Serializer[Any]):
    """One column of the table, with its field or a suggested one."""

    name = serializers.CharField(allow_blank=True)
    field = serializers.ChoiceField(choices=list(FIELDS), allow_null=True)
    suggestion = serializers.ChoiceField(choices=list(FIELDS), allow_null=True)


class MediaCountsOut(serializers.Serializer[Any]):
    """How many images of the rows are pending, ready and failed."""

    pending = serializers.IntegerField()
    ready = serializers.IntegerField()
    failed = serializers.IntegerField()


class FailureOut(serializers.Serializer[Any]):
    """Why the file as a whole was not imported, or why the job was stopped."""

    code = serializers.ChoiceField(choices=FAILURE_CODES)
    message = serializers.CharField(allow_blank=True)
    line = serializers.IntegerField(allow_null=True)


class BulkUploadOut(serializers.Serializer[Any]):
    """A job and its progress."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    organization_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES)
    filename = serializers.CharField()
    dialect = DialectOut(allow_null=True)
    columns = ColumnOut(many=True)
    total_rows = serializers.IntegerField()
    processed_rows = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    failed = serializers.IntegerField()
    media = MediaCountsOut()
    dry_run = serializers.BooleanField()
    rows_per_second = serializers.FloatField(allow_null=True)
    seconds_left = serializers.IntegerField(allow_null=True)
    failure = FailureOut(allow_null=True)
    retry_of = serializers.UUIDField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RowErrorOut(serializers.ModelSerializer[BulkUploadRowError]):
    """One error or warning about one row, and what to do about it.

    With an error the row is rejected; with a warning it is imported. Row 0 is the whole table.
    """

    severity = serializers.SerializerMethodField()
    code = serializers.ChoiceField(choices=ROW_ERROR_CODES)

    class Meta:
        model = BulkUploadRowError
        fields = ["row", "line", "column", "value", "severity", "code", "message"]

    @extend_schema_field({"type": "string", "enum": ["error", "warning"]})
    def get_severity(self, error: BulkUploadRowError) -> str:
        """Return the severity in lower case."""
        return str(error.severity).lower()


JOB_FIELDS = (
    "id",
    "user_id",
    "organization_id",
    "filename",
    "columns",
    "total_rows",
    "dry_run",
    "started_at",
    "finished_at",
    "created_at",
    "updated_at",
)
PROGRESS_FIELDS = ("created", "updated", "unchanged", "failed", "rows_per_second", "seconds_left")


def serialize_job(job: BulkUploadJob, progress: Progress) -> dict[str, Any]:
    """Return a job with its progress as JSON."""
    failure = {
        "code": job.failure_code,
        "message": job.failure_message,
        "line": job.failure_line,
    }
    fields = {
        **{name: getattr(job, name) for name in JOB_FIELDS},
        **{name: getattr(progress, name) for name in PROGRESS_FIELDS},
        "status": job.status.lower(),
        "dialect": job.dialect or None,
        "processed_rows": progress.processed,
        "media": asdict(progress.media),
        "failure": failure if job.failure_code else None,
        "retry_of": job.retry_of_id,
    }
    return dict(BulkUploadOut(fields).data)
