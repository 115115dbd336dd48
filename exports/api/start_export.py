import json
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import ScopedPageQuery
from accounts.selectors import scope_for
from exports import selectors
from exports.api.run_serializers import (
    ExportDetailOut,
    ExportOut,
    PreviewOut,
    export_as_json,
    exports_as_json,
    preview_as_json,
)
from exports.models import ExportRun
from exports.rules.limits import MAX_FILES
from exports.services import export_selection, naming, runs
from exports.services.export_selection import ExportRequest
from sartiq.core.api.endpoints import Endpoint, ModelEndpointSet
from sartiq.core.api.fields import UUIDField
from sartiq.core.api.pagination import PageQuery
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.conditional_requests import IDEMPOTENCY_KEY
from sartiq.core.api.serializers import StrictSerializer
from sartiq.core.api.validation import validate_input
from sartiq.core.http import idempotency
from sartiq.core.http.idempotency import SavedResponse

TAGS = ["exports"]
SELECTORS = ("production_request_id", "look_ids", "product_ids")
LOCATION = OpenApiParameter(
    "Location",
    {"type": "string", "format": "uri-reference"},
    OpenApiParameter.HEADER,
    required=True,
    description="The URL of the export",
    response=[202],
)


def _ids() -> Any:
    return serializers.ListField(
        child=UUIDField(),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=MAX_FILES,
    )


class ExportIn(StrictSerializer[Any]):
    """What to export: exactly one of a production request, looks, and products."""

    production_request_id = UUIDField(required=False, allow_null=True)
    look_ids = _ids()
    product_ids = _ids()
    export_configuration_id = UUIDField(
        required=False,
        allow_null=True,
        help_text="If omitted, the configuration that applies to the selection",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require exactly one selector."""
        selected_by = [name for name in SELECTORS if attrs.get(name) is not None]
        if len(selected_by) != 1:
            choices = ", ".join(SELECTORS)
            raise serializers.ValidationError(f"Send exactly one of {choices}.", code="value_error")
        return attrs


class Exports(ModelEndpointSet):
    """ZIP archives of files, created in the background."""

    serializer_class = ExportOut

    @extend_schema(operation_id="list_exports", tags=TAGS)
    @takes_query(ScopedPageQuery)
    def list(self, request: Request) -> Response:
        """List one owner's exports, oldest first."""
        scope = scope_for(caller_of(request), self.query.get("organization_id"))
        page = cast("list[ExportRun]", self.paginate_queryset(selectors.runs_in(scope)))
        return self.get_paginated_response(exports_as_json(page))

    @extend_schema(
        operation_id="create_export",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY, LOCATION],
        request=ExportIn,
        responses={202: OpenApiResponse(ExportDetailOut, description="Accepted")},
    )
    def create(self, request: Request) -> Response:
        """Start an export of a production request, of looks or of products."""
        user, selection_request = (
            caller_of(request),
            ExportRequest(**validate_input(ExportIn, request.data)),
        )
        with idempotency.reserve(request, route="export-create") as key:
            if key.replay is not None:
                return key.replay
            selection = export_selection.select(user, selection_request)
            with runs.creating(
                user=user,
                scope=selection.scope,
                title=selection.title,
                configuration=selection.configuration,
                entries=selection.entries,
                now=timezone.now(),
            ) as run:
                return key.save_response(_accepted(request, run))


class ExportPreview(Endpoint):
    """A preview of an export."""

    @extend_schema(
        operation_id="preview_export",
        tags=TAGS,
        request=ExportIn,
        responses={200: PreviewOut},
    )
    @takes_query(PageQuery)
    def post(self, request: Request) -> Response:
        """Return the names and the metadata an export would have; nothing is written."""
        selection_request = ExportRequest(**validate_input(ExportIn, request.data))
        selection = export_selection.select(caller_of(request), selection_request)
        named_entries = naming.name_entries(
            selection.entries, configuration=selection.configuration, today=timezone.now().date()
        )
        return Response(preview_as_json(selection.configuration, named_entries, **self.query))


def _accepted(request: Request, run: ExportRun) -> SavedResponse:
    body = json.loads(JSONRenderer().render(export_as_json(run)))
    return SavedResponse(status=202, body=body, location=f"{request.path.rstrip('/')}/{run.pk}")
