import hashlib
import json
from functools import partial
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import content_disposition_header
from django.views.decorators.vary import vary_on_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import ScopedPageQuery, ScopeQuery, organization_id_from
from accounts.models import OwnerScope
from accounts.selectors import scope_for
from bulkupload import selectors
from bulkupload.api.parsers import BoundedMultiPartParser
from bulkupload.api.serializers import BulkUploadIn, BulkUploadOut, RowErrorOut, serialize_job
from bulkupload.models import BulkUploadJob
from bulkupload.services import error_file, jobs
from bulkupload.services.jobs import UploadedTable
from sartiq.core.api.endpoints import ModelEndpointSet
from sartiq.core.api.pagination import PageQuery
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.document import CONFLICT
from sartiq.core.api.validation import validate_input
from sartiq.core.errors import InvalidValuesError, Issue, errors_located_at
from sartiq.core.http import idempotency
from sartiq.core.http.idempotency import SavedResponse

CSV = "text/csv"
_FORMATS = {
    CSV: "csv",
    "text/*": "csv",
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
}
HASH_BLOCK_BYTES = 1024 * 1024
JOB_ID = OpenApiParameter("job_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="Repeating the request with the same key returns the stored response",
)
LOCATION = OpenApiParameter(
    "Location",
    {"type": "string", "format": "uri-reference"},
    OpenApiParameter.HEADER,
    required=True,
    description="The URL to poll",
    response=[202],
)
CSV_FILE = OpenApiResponse(OpenApiTypes.STR, description="A CSV file")
ACCEPTED = OpenApiResponse(BulkUploadOut, description="Accepted")


class ErrorsQuery(PageQuery):
    """A page of the errors, and their format."""

    format = serializers.ChoiceField(
        choices=["json", "csv"],
        required=False,
        help_text="`csv`: the rejected rows, unchanged, ready to fix (also chosen by "
        "`Accept: text/csv`)",
    )


class BulkUploads(ModelEndpointSet):
    """Tables of products, imported in the background."""

    serializer_class = BulkUploadOut
    parser_classes = (BoundedMultiPartParser,)

    @extend_schema(
        operation_id="create_bulk_upload",
        tags=["bulk-upload"],
        parameters=[KEY, LOCATION],
        request={"multipart/form-data": BulkUploadIn},
        responses={202: ACCEPTED},
    )
    @takes_query(ScopeQuery)
    def create(self, request: Request) -> Response:
        """Start a bulk import of products from CSV, TSV or XLSX."""
        fields = validate_input(BulkUploadIn, request.data)
        user, file = caller_of(request), fields["file"]
        scope = scope_for(user, organization_id_from(self.query, fields))
        body = cast("BinaryIO", file.file)
        table = UploadedTable(
            body=body,
            size=file.size,
            filename=file.name,
            dry_run=fields["dry_run"],
            mapping=fields.get("mapping", {}),
            encoding=fields["encoding"],
        )
        digest = partial(_compute_digest, request, file, scope)
        with idempotency.reserve(request, route="bulk-upload-create", compute_digest=digest) as key:
            if key.replay is not None:
                return key.replay
            with (
                errors_located_at("body", "file"),
                jobs.starting(user=user, scope=scope, table=table) as job,
            ):
                return key.save_response(self._accepted_response(job))

    @extend_schema(
        operation_id="list_bulk_uploads",
        tags=["bulk-upload"],
    )
    @takes_query(ScopedPageQuery)
    def list(self, request: Request) -> Response:
        """List one owner's bulk uploads, oldest first."""
        scope = scope_for(caller_of(request), self.query.get("organization_id"))
        page = self.paginate_queryset(selectors.in_scope(scope))
        return self.get_paginated_response(_serialize(cast("list[BulkUploadJob]", page)))

    @extend_schema(operation_id="get_bulk_upload", tags=["bulk-upload"], parameters=[JOB_ID])
    def retrieve(self, request: Request, job_id: UUID) -> Response:
        """Return a bulk upload and its progress."""
        return Response(_serialize([selectors.get_visible(caller_of(request), job_id)])[0])

    @extend_schema(
        operation_id="list_bulk_upload_errors",
        tags=["bulk-upload"],
        parameters=[JOB_ID],
        responses={200: RowErrorOut(many=True), (200, CSV): CSV_FILE},
    )
    @takes_query(ErrorsQuery)
    @method_decorator(vary_on_headers("Accept"))
    def errors(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """Return the errors of the rejected rows and the warnings, by row."""
        job = selectors.get_visible(caller_of(request), job_id)
        if self.query.get("format", _accepted_format(request)) == "csv":
            _require_no_paging(request)
            return _error_download(job)
        page = self.paginate_queryset(selectors.errors_of(job))
        return self.get_paginated_response(RowErrorOut(page, many=True).data)

    @extend_schema(
        operation_id="download_bulk_upload_errors",
        tags=["bulk-upload"],
        parameters=[JOB_ID],
        responses={(200, CSV): CSV_FILE},
    )
    def errors_file(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """Return the rejected rows as they were sent, each with its errors."""
        return _error_download(selectors.get_visible(caller_of(request), job_id))

    @extend_schema(
        operation_id="cancel_bulk_upload",
        tags=["bulk-upload"],
        parameters=[JOB_ID, LOCATION],
        request=None,
        responses={202: ACCEPTED, 409: CONFLICT},
    )
    def cancel(self, request: Request, job_id: UUID) -> Response:
        """Cancel a bulk upload; rows that were already imported stay."""
        return self._accepted_response(
            jobs.cancel(user=caller_of(request), job_id=job_id)
        ).response()

    @extend_schema(
        operation_id="retry_bulk_upload",
        tags=["bulk-upload"],
        parameters=[JOB_ID, KEY, LOCATION],
        request=None,
        responses={202: ACCEPTED, 409: CONFLICT},
    )
    def retry(self, request: Request, job_id: UUID) -> Response:
        """Start a new bulk upload with the rows that this one did not import."""
        # The route takes no body, so any body is ignored.
        digest = hashlib.sha256(job_id.bytes).hexdigest
        with idempotency.reserve(request, route="bulk-upload-retry", compute_digest=digest) as key:
            if key.replay is not None:
                return key.replay
            with jobs.retrying(user=caller_of(request), job_id=job_id) as job:
                return key.save_response(self._accepted_response(job))

    @extend_schema(
        operation_id="download_bulk_upload_template",
        tags=["bulk-upload"],
        responses={(200, CSV): CSV_FILE},
    )
    def template(self, request: Request) -> HttpResponse:
        """Return a table with every column and a sample row."""
        return HttpResponse(
            error_file.template(),
            content_type=f"{CSV}; charset=utf-8",
            headers=_download_headers("template.csv"),
        )

    def _accepted_response(self, job: BulkUploadJob) -> SavedResponse:
        job.refresh_from_db()
        body = json.loads(JSONRenderer().render(_serialize([job])[0]))
        root = self.request.path.partition("/bulk-upload")[0]
        return SavedResponse(status=202, body=body, location=f"{root}/bulk-upload/{job.pk}")


def _require_no_paging(request: Request) -> None:
    """Reject `skip` and `limit` for the CSV file, which always has every rejected row."""
    message = "The CSV file has every rejected row. Leave this parameter out."
    issues = [
        Issue(loc=("query", name), code="value_error", message=message, input=value)
        for name, value in request.query_params.items()
        if name in PageQuery().fields
    ]
    if issues:
        raise InvalidValuesError(issues)


def _error_download(job: BulkUploadJob) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        error_file.error_file(job),
        content_type=f"{CSV}; charset={error_file.charset_of(job)}",
        headers=_download_headers(error_file.file_name_of(job)),
    )


def _download_headers(filename: str) -> dict[str, str]:
    header = content_disposition_header(as_attachment=True, filename=filename)
    return {"Content-Disposition": header or "attachment", "Cache-Control": "no-store"}


def _serialize(rows: list[BulkUploadJob]) -> list[dict[str, Any]]:
    progress = selectors.progress_of(rows, now=timezone.now())
    return [serialize_job(job, progress[job.pk]) for job in rows]


def _accepted_format(request: Request) -> str:
    django_request = request._request  # noqa: SLF001  DRF has no public name for it
    for accepted in django_request.accepted_types:  # by preference; parameters are ignored
        media_type = f"{accepted.main_type}/{accepted.sub_type}"
        if media_type in _FORMATS:
            return _FORMATS[media_type]
    return "json"


def _compute_digest(request: Request, file: "UploadedFile[Any]", scope: OwnerScope) -> str:
    """Return the hash of the request's parts; the file is read in blocks."""
    file_hash = hashlib.sha256()
    for block in file.chunks(HASH_BLOCK_BYTES):
        file_hash.update(block)
    form = cast("QueryDict", request.data)
    fields = {name: form[name] for name in form if name not in {"file", "organization_id"}}
    parts = json.dumps([file_hash.hexdigest(), file.name, fields, str(scope.key)], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()
