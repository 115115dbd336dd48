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
from sartiq.core.api.parsers import RepeatedNameError, unique_names

FORMATS = ["csv", "xlsx"]
STATUSES = [value.lower() for value in JobStatus.values]


class MappingField(serializers.JSONField):
    """JSON in a form, however deep it is nested: Python gives up at a depth of its own."""

    def to_internal_value(self, data: Any) -> Any:
        """Return what the text holds."""
        try:
            return json.loads(data, object_pairs_hook=unique_names)
        except RepeatedNameError:
            raise serializers.ValidationError("A column stands here twice.", "duplicate") from None
        except (TypeError, ValueError, RecursionError):
            self.fail("invalid")


class BulkUploadIn(serializers.Serializer[Any]):
    """A table and what to do with it, as parts of a form.

    A misspelt `dry_run` would import, so parts that look misspelt are refused.
    """

    refuses_misspellings = True

    # An empty file is refused by the service, under the code that says so.
    file = serializers.FileField(
        allow_empty_file=True, help_text="CSV, TSV or XLSX, at most 512 MiB and 2,000,000 rows"
    )
    organization_id = UUIDField(
        required=False, help_text="May stand in the query instead; the two may not differ"
    )
    dry_run = BooleanField(default=False, help_text="Count what would happen")
    mapping = MappingField(
        required=False,
        help_text='Column to field, `{"Article no.": "sku"}`; null ignores a column',
    )

    encoding = serializers.CharField(
        required=False,
        max_length=40,
        help_text="Text encoding of a CSV or TSV, such as `windows-1250` or `shift_jis`; else the "
        "`charset` of the file's part, else it is found out",
    )

    def validate_encoding(self, value: str) -> str:
        """Take the name of an encoding that tables may have."""
        return _codec(value)

    def validate_file(self, value: "UploadedFile[Any]") -> "UploadedFile[Any]":
        """Take a file whose part names an encoding that tables may have, or none."""
        _charset_of(value)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Let the charset of the file's part stand for the encoding when none is sent."""
        attrs.setdefault("encoding", _charset_of(attrs["file"]))
        return attrs

    def validate_mapping(self, value: Any) -> dict[str, str | None]:
        """Take an object of column names whose fields are ours."""
        try:
            return read_mapping(value)
        except BadMappingError as fault:
            raise serializers.ValidationError(fault.message, code=fault.code) from None


def _charset_of(sent: "UploadedFile[Any]") -> str:
    """Return the codec the file's part names; empty when it names none."""
    charset: Any = sent.charset  # bytes, as Django's parser reads headers
    label = charset.decode("latin-1") if isinstance(charset, bytes) else charset
    return _codec(label) if label else ""


def _codec(label: str) -> str:
    codec = codec_named(label)
    if codec is None:
        names = ", ".join(LABELS.values())
        raise serializers.ValidationError(f"Encodings are: {names}.", code="enum")
    return codec


class DialectOut(serializers.Serializer[Any]):
    """How the table is written."""

    format = serializers.ChoiceField(choices=FORMATS)
    encoding = serializers.CharField()
    confidence = serializers.FloatField(
        min_value=0, max_value=1, default=1.0, help_text="How sure the encoding is; 1 when stated"
    )
    delimiter = serializers.ChoiceField(choices=list(DELIMITERS))
    line_ending = serializers.CharField(trim_whitespace=False)


class ColumnOut(serializers.Serializer[Any]):
    """One column of the table: the field it brings, else what it may have meant."""

    name = serializers.CharField(allow_blank=True)
    field = serializers.ChoiceField(choices=list(FIELDS), allow_null=True)
    suggestion = serializers.ChoiceField(choices=list(FIELDS), allow_null=True)


class MediaCountsOut(serializers.Serializer[Any]):
    """How many pictures of the rows stand where."""

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
    """One thing to know about one row: where it stands, and what to do about it.

    An error refuses the row; with a warning the row is imported. Row 0 is the table as a whole.
    """

    severity = serializers.SerializerMethodField()
    code = serializers.ChoiceField(choices=ROW_ERROR_CODES)

    class Meta:
        model = BulkUploadRowError
        fields = ["row", "line", "column", "value", "severity", "code", "message"]

    @extend_schema_field({"type": "string", "enum": ["error", "warning"]})
    def get_severity(self, error: BulkUploadRowError) -> str:
        """Return it as it stands on the wire."""
        return str(error.severity).lower()


SAME = (
    *("id", "user_id", "organization_id", "filename", "columns", "total_rows", "dry_run"),
    *("started_at", "finished_at", "created_at", "updated_at"),
)
COUNTS = ("created", "updated", "unchanged", "failed", "rows_per_second", "seconds_left")


def answer_of(job: BulkUploadJob, progress: Progress) -> dict[str, Any]:
    """Return a job as it is answered."""
    failure = {
        "code": job.failure_code,
        "message": job.failure_message,
        "line": job.failure_line,
    }
    shown = {
        **{name: getattr(job, name) for name in SAME},
        **{name: getattr(progress, name) for name in COUNTS},
        "status": job.status.lower(),
        "dialect": job.dialect or None,
        "processed_rows": progress.processed,
        "media": asdict(progress.media),
        "failure": failure if job.failure_code else None,
        "retry_of": job.retry_of_id,
    }
    return dict(BulkUploadOut(shown).data)
