from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from media import selectors
from media.api.upload_serializers import (
    PresignBatchIn,
    PresignBatchOut,
    PresignIn,
    PresignOut,
    UploadOut,
)
from media.services import uploads
from media.services.uploads import DeclaredFile, TicketRequest, UploadTicket
from sartiq.core.api.endpoints import Endpoint
from sartiq.core.api.schema.document import ERROR_RESPONSE
from sartiq.core.api.validation import serialize, validate_input
from sartiq.core.errors import InvalidError, InvalidValuesError
from sartiq.core.http.exception_handler import body_of

NOT_STORED: Final = {"Cache-Control": "no-store"}
LORA_ADMIN = "/admin/catalog/loramodel/add/"
RETIREMENT_HEADERS = {
    "Deprecation": "@1764547200",  # RFC 9745: 2025-12-01T00:00:00Z
    "Sunset": "Sun, 01 Nov 2026 00:00:00 GMT",  # RFC 8594
    "Link": f'<{LORA_ADMIN}>; rel="successor-version"',
}


class PresignedUrl(Endpoint):
    """Signed upload URLs."""

    @extend_schema(
        operation_id="get_presigned_url",
        tags=["uploads"],
        request=PresignIn,
        responses={200: PresignOut},
    )
    def post(self, request: Request) -> Response:
        """Sign an upload.

        Send the bytes with `upload_method` to `upload_url` with exactly `upload_headers`, then send
        `file_url` to the entity that the file is for.
        """
        ticket_request = _ticket_request(request.data)
        ticket = uploads.issue_ticket(
            user=caller_of(request),
            file=ticket_request.file,
            now=timezone.now(),
            organization_id=ticket_request.organization_id,
        )
        return Response(serialize(PresignOut, ticket), headers=NOT_STORED)


class PresignedUrls(Endpoint):
    """Signed upload URLs of several files."""

    @extend_schema(
        operation_id="get_presigned_urls",
        tags=["uploads"],
        request=PresignBatchIn,
        responses={200: PresignBatchOut},
    )
    def post(self, request: Request) -> Response:
        """Sign up to 500 uploads.

        Each file gets a signed URL, as from `presigned-url`, or an `error`: a file that is not
        accepted does not affect the others.
        """
        items = validate_input(PresignBatchIn, request.data)["items"]
        requests_or_errors = [_ticket_request_or_error(item) for item in items]
        results = iter(
            uploads.issue_tickets_or_errors(
                user=caller_of(request),
                requests=[item for item in requests_or_errors if isinstance(item, TicketRequest)],
                now=timezone.now(),
            )
        )
        data = [
            _result_as_json(next(results) if isinstance(item, TicketRequest) else item, index)
            for index, item in enumerate(requests_or_errors)
        ]
        return Response({"data": data}, headers=NOT_STORED)


class Uploads(Endpoint):
    """The caller's uploads."""

    @extend_schema(operation_id="get_upload", tags=["uploads"], responses={200: UploadOut})
    def get(self, request: Request, upload_id: UUID) -> Response:
        """Return one upload and how it ended."""
        return Response(UploadOut(selectors.upload_visible_to(caller_of(request), upload_id)).data)


class UploadLora(Endpoint):
    """The retired route for LoRA models, which are now uploaded in Django admin."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    parser_classes: list[Any] = []
    ignores_query = True  # the response is 410 for any query

    @extend_schema(
        operation_id="upload_lora",
        tags=["uploads"],
        deprecated=True,
        request=None,
        responses={
            410: OpenApiResponse(response=ERROR_RESPONSE, description="Retired; use Django admin")
        },
    )
    def post(self, request: Request) -> Response:
        """Return 410 with the place where LoRA models are uploaded now."""
        detail = f"This route is retired. Staff upload LoRA models in the admin: {LORA_ADMIN}"
        return Response({"detail": detail}, status=410, headers=RETIREMENT_HEADERS)


def _ticket_request(data: Any) -> TicketRequest:
    payload = validate_input(PresignIn, data)
    size = uploads.declared_size(
        size=payload.pop("size", None), file_size=payload.pop("file_size", None)
    )
    organization_id = payload.pop("organization_id", None)
    return TicketRequest(file=DeclaredFile(size=size, **payload), organization_id=organization_id)


def _ticket_request_or_error(data: Any) -> TicketRequest | InvalidError:
    try:
        return _ticket_request(data)
    except InvalidError as error:
        return error


def _result_as_json(result: UploadTicket | InvalidError, index: int) -> dict[str, Any]:
    if isinstance(result, UploadTicket):
        return serialize(PresignOut, result)
    return {"error": body_of(InvalidValuesError(result.issues_at("body", "items", index)))}
