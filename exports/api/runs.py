from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from exports import selectors
from exports.api.run_serializers import ExportDetailOut, export_as_json
from exports.services import runs
from sartiq.core.api.endpoints import Endpoint
from sartiq.core.api.schema.document import ERROR_RESPONSE

TAGS = ["exports"]
UNFINISHED = OpenApiResponse(
    ERROR_RESPONSE, description="The export is still running or has failed"
)
EXPIRED = OpenApiResponse(ERROR_RESPONSE, description="The archive has expired and was deleted")


class ExportDetail(Endpoint):
    """One export."""

    @extend_schema(operation_id="get_export", tags=TAGS, responses={200: ExportDetailOut})
    def get(self, request: Request, run_id: UUID) -> Response:
        """Return an export with its progress and its failed files."""
        return Response(export_as_json(selectors.run_visible_to(caller_of(request), run_id)))


class ExportDownload(Endpoint):
    """The archive of one export."""

    @extend_schema(
        operation_id="download_export",
        tags=TAGS,
        responses={
            302: OpenApiResponse(description="A short-lived URL of the ZIP"),
            409: UNFINISHED,
            410: EXPIRED,
        },
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Redirect to the archive."""
        url = runs.sign_download(user=caller_of(request), run_id=run_id)
        return Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})
