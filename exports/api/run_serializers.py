from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from exports import selectors
from exports.api.serializers import AdapterField, FormatField
from exports.codes import FILE_FAILURE_CODES, RUN_FAILURE_CODES
from exports.models import ExportConfiguration, ExportRun, RunStatus
from exports.selectors import Progress, template_of
from exports.services.naming import NamedEntry, metadata_names

STATUSES = [value.lower() for value in RunStatus.values]
MAX_FAILURES = 1000  # in one response; the manifest lists all


class RunConfigurationOut(serializers.Serializer[Any]):
    """The configuration of an export, as it was at the start."""

    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    metadata_adapter = AdapterField()
    image_format = FormatField()
    naming_convention_template = serializers.CharField()


class RunProgressOut(serializers.Serializer[Any]):
    """Number of finished files."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()


class RunCountsOut(serializers.Serializer[Any]):
    """Number of files in each state."""

    ready = serializers.IntegerField()
    failed = serializers.IntegerField()
    pending = serializers.IntegerField()


class RunArchiveOut(serializers.Serializer[Any]):
    """The ZIP archive, once it exists."""

    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class RunFaultOut(serializers.Serializer[Any]):
    """Why there is no archive."""

    code = serializers.ChoiceField(choices=RUN_FAILURE_CODES)
    message = serializers.CharField()


class RunFailureOut(serializers.Serializer[Any]):
    """One file that could not be exported."""

    name = serializers.CharField()
    resource_id = serializers.UUIDField()
    code = serializers.ChoiceField(choices=FILE_FAILURE_CODES, source="failure_code")
    message = serializers.CharField(source="failure_message")


class ExportOut(serializers.Serializer[Any]):
    """An export and its progress."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    organization_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES)
    title = serializers.CharField()
    progress = RunProgressOut()
    counts = RunCountsOut()
    export_configuration = RunConfigurationOut()
    archive = RunArchiveOut(allow_null=True)
    failure = RunFaultOut(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ExportDetailOut(ExportOut):
    """An export, its progress, and the first thousand failed files."""

    failures = RunFailureOut(many=True)


class PreviewFileOut(serializers.Serializer[Any]):
    """One file as it would be exported."""

    name = serializers.CharField()
    resource_id = serializers.UUIDField(source="resource.pk")
    values = serializers.DictField(
        source="stored_values", help_text="Its values in the metadata, by wildcard"
    )


class PreviewOut(serializers.Serializer[Any]):
    """A preview of an export; `data` is the requested page of its files."""

    schema_name = "ExportPreview"

    export_configuration = RunConfigurationOut()
    metadata_files: Any = serializers.ListField(child=serializers.CharField())
    data: Any = PreviewFileOut(many=True)
    count = serializers.IntegerField()


COPIED_FIELDS = (
    "id",
    "user_id",
    "organization_id",
    "title",
    "expires_at",
    "started_at",
    "finished_at",
    "created_at",
    "updated_at",
)


def exports_as_json(runs: Sequence[ExportRun]) -> list[dict[str, Any]]:
    """Return the exports of a list, with one query for all their progress."""
    progress = selectors.progress_of(runs)
    return [dict(ExportOut(_response_data(run, progress[run.pk])).data) for run in runs]


def export_as_json(run: ExportRun) -> dict[str, Any]:
    """Return one export with the files that failed."""
    data = _response_data(run, selectors.progress_of([run])[run.pk])
    failures = selectors.failures_of(run)[:MAX_FAILURES]
    return dict(ExportDetailOut({**data, "failures": failures}).data)


def preview_as_json(
    configuration: ExportConfiguration, entries: Sequence[NamedEntry], *, skip: int, limit: int
) -> dict[str, Any]:
    """Return the files an export would have; `skip` and `limit` select the page."""
    is_stored = not configuration._state.adding  # noqa: SLF001  Django's documented model state
    data = {
        "export_configuration": {
            "id": configuration.pk if is_stored else None,
            "name": configuration.name,
            "metadata_adapter": configuration.metadata_adapter,
            "image_format": configuration.image_format,
            "naming_convention_template": template_of(configuration).text,
        },
        "metadata_files": metadata_names(configuration),
        "data": entries[skip : skip + limit],
        "count": len(entries),
    }
    body: dict[str, Any] = PreviewOut(data).data
    return body


def _response_data(run: ExportRun, progress: Progress) -> dict[str, Any]:
    archive = {"size": run.archive_size, "sha256": run.archive_sha256}
    failure = {"code": run.failure_code, "message": run.failure_message}
    return {
        **{name: getattr(run, name) for name in COPIED_FIELDS},
        "status": run.status.lower(),
        "progress": {"done": progress.finished, "total": progress.total},
        "counts": progress,
        "export_configuration": {
            "id": run.configuration_id,
            "name": run.configuration_name,
            "metadata_adapter": run.metadata_adapter,
            "image_format": run.image_format,
            "naming_convention_template": run.template,
        },
        "archive": archive if run.archive_key else None,
        "failure": failure if run.failure_code else None,
    }
