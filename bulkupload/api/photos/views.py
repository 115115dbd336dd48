import hashlib
import json
from typing import Any, cast
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import ScopedPageQuery
from accounts.selectors import scope_for
from bulkupload import selectors
from bulkupload.api.photos.serializers import (
    CreatedPhotoBatchOut,
    PhotoBatchIn,
    PhotoBatchOut,
    PhotoChoiceIn,
    PhotoIdsIn,
    PhotoOut,
    PhotosIn,
    PhotosQuery,
    PhotosWithTicketsOut,
    declared_photos,
    serialize_batch,
    serialize_photo,
    serialize_with_tickets,
)
from bulkupload.api.views import CSV, CSV_FILE, KEY, LOCATION
from bulkupload.models import OnExisting, PhotoBatch, PhotoFile
from bulkupload.services.photos import batches, choices, lifecycle, report, tickets
from bulkupload.services.photos.batches import BatchSettings
from bulkupload.services.photos.choices import Choice
from sartiq.core.api.endpoints import ModelEndpointSet
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.document import CONFLICT
from sartiq.core.api.validation import validate_input
from sartiq.core.errors import errors_located_at
from sartiq.core.http import idempotency
from sartiq.core.http.conditional import precondition
from sartiq.core.http.idempotency import SavedResponse

BATCH_ID = OpenApiParameter("batch_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
FILE_ID = OpenApiParameter("file_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
ACCEPTED = OpenApiResponse(PhotoBatchOut, description="Accepted")
TAGS = ["photo-batches"]
NO_STORE = {"Cache-Control": "no-store"}


class PhotoBatches(ModelEndpointSet):
    """Photos that are matched with products by their names."""

    serializer_class = PhotoBatchOut

    @extend_schema(
        operation_id="create_photo_batch",
        tags=TAGS,
        parameters=[KEY],
        request=PhotoBatchIn,
        responses={201: CreatedPhotoBatchOut},
    )
    def create(self, request: Request) -> Response:
        """Match photos with products by their names, and sign the uploads they need.

        Send each file that has an `upload` with `upload_method` to `upload_url`, report it to
        `uploaded`, and `attach` the batch: nothing is attached before. Then read the batch until it
        is `done`. It ends when nothing is left to do, or 24 hours after the last arrival; the files
        say which photos were refused, and why.
        """
        payload = validate_input(PhotoBatchIn, request.data)
        user = caller_of(request)
        scope = scope_for(user, payload.get("organization_id"))
        settings = BatchSettings(
            name=payload.get("name", ""),
            template=payload.get("template") or "",
            on_existing=OnExisting(payload["on_existing"].upper()),
        )
        with idempotency.reserve(request, route="photo-batch-create") as key:
            if key.replay is not None:
                return key.replay
            with (
                errors_located_at("body", "template"),
                batches.creating(
                    user=user,
                    scope=scope,
                    settings=settings,
                    photos=declared_photos(payload),
                    now=timezone.now(),
                ) as (batch, matched),
            ):
                pairs = [(row.photo, row.ticket) for row in matched]
                body = _serialize([batch])[0] | {"files": serialize_with_tickets(pairs)}
                return key.save_response(self._saved(batch, 201, body))

    @extend_schema(operation_id="list_photo_batches", tags=TAGS)
    @takes_query(ScopedPageQuery)
    def list(self, request: Request) -> Response:
        """List one owner's photo batches, oldest first."""
        scope = scope_for(caller_of(request), self.query.get("organization_id"))
        page = self.paginate_queryset(selectors.batches_in_scope(scope))
        return self.get_paginated_response(_serialize(cast("list[PhotoBatch]", page)))

    @extend_schema(operation_id="get_photo_batch", tags=TAGS, parameters=[BATCH_ID])
    def retrieve(self, request: Request, batch_id: UUID) -> Response:
        """Return a photo batch and its progress."""
        return self._response(selectors.get_visible_batch(caller_of(request), batch_id))

    @extend_schema(
        operation_id="list_photo_batch_files",
        tags=TAGS,
        parameters=[BATCH_ID],
        responses={200: PhotoOut(many=True)},
    )
    @takes_query(PhotosQuery)
    def files(self, request: Request, batch_id: UUID) -> Response:
        """List the photos of a batch by path, each with its state."""
        batch = selectors.get_visible_batch(caller_of(request), batch_id)
        status = self.query.get("status")
        photos = selectors.photos_of(batch, status=status.upper() if status else None)
        page = cast("list[PhotoFile]", self.paginate_queryset(photos))
        return self.get_paginated_response([serialize_photo(photo) for photo in page])

    @extend_schema(
        operation_id="create_photo_batch_files",
        tags=TAGS,
        parameters=[BATCH_ID],
        request=PhotosIn,
        responses={201: PhotosWithTicketsOut, 409: CONFLICT},
    )
    def add_files(self, request: Request, batch_id: UUID) -> Response:
        """Add photos to a batch that has not ended, all or none of them."""
        payload = validate_input(PhotosIn, request.data)
        matched_photos = batches.add(
            user=caller_of(request),
            batch_id=batch_id,
            photos=declared_photos(payload),
            now=timezone.now(),
        )
        files = serialize_with_tickets([(row.photo, row.ticket) for row in matched_photos])
        headers = NO_STORE | {"Location": f"{self._url_of(batch_id)}/files"}
        return Response({"files": files}, status=201, headers=headers)

    @extend_schema(
        operation_id="get_photo_batch_file",
        tags=TAGS,
        parameters=[BATCH_ID, FILE_ID],
        responses={200: PhotoOut},
    )
    def file(self, request: Request, batch_id: UUID, file_id: UUID) -> Response:
        """Return a photo of a batch with its state."""
        batch = selectors.get_visible_batch(caller_of(request), batch_id)
        return Response(serialize_photo(selectors.get_photo(batch, file_id)))

    @extend_schema(
        operation_id="update_photo_batch_file",
        tags=TAGS,
        parameters=[BATCH_ID, FILE_ID],
        request=PhotoChoiceIn,
        responses={200: PhotoOut, 409: CONFLICT},
    )
    def choose(self, request: Request, batch_id: UUID, file_id: UUID) -> Response:
        """Choose the product, slot or position of a photo, or leave it out.

        A batch that has ended runs again for this photo.
        """
        photo = choices.choose(
            user=caller_of(request),
            batch_id=batch_id,
            photo_id=file_id,
            choice=Choice(**validate_input(PhotoChoiceIn, request.data, partial=True)),
            now=timezone.now(),
            precondition=precondition(request, serialize_photo),
        )
        return Response(serialize_photo(photo))

    @extend_schema(
        operation_id="confirm_photo_batch_uploads",
        tags=TAGS,
        parameters=[BATCH_ID],
        request=PhotoIdsIn,
        responses={200: PhotoBatchOut, 409: CONFLICT},
    )
    def uploaded(self, request: Request, batch_id: UUID) -> Response:
        """Report that the bytes of photos have been sent to their upload URLs.

        Photos that nobody reports are found a few minutes later.
        """
        payload = validate_input(PhotoIdsIn, request.data)
        batch = tickets.report_uploaded(
            user=caller_of(request),
            batch_id=batch_id,
            photo_ids=payload["file_ids"],
            now=timezone.now(),
        )
        return self._response(batch)

    @extend_schema(
        operation_id="create_photo_batch_tickets",
        tags=TAGS,
        parameters=[BATCH_ID],
        request=PhotoIdsIn,
        responses={200: PhotosWithTicketsOut, 409: CONFLICT},
    )
    def tickets(self, request: Request, batch_id: UUID) -> Response:
        """Sign uploads again; a photo that is not waiting for its bytes gets none."""
        payload = validate_input(PhotoIdsIn, request.data)
        pairs = tickets.issue_again(
            user=caller_of(request),
            batch_id=batch_id,
            photo_ids=payload["file_ids"],
            now=timezone.now(),
        )
        return Response({"files": serialize_with_tickets(pairs)}, headers=NO_STORE)

    @extend_schema(
        operation_id="attach_photo_batch",
        tags=TAGS,
        parameters=[BATCH_ID, KEY, LOCATION],
        request=None,
        responses={202: ACCEPTED, 409: CONFLICT},
    )
    def attach(self, request: Request, batch_id: UUID) -> Response:
        """Attach the photos that have arrived, and later ones as they arrive.

        It may be called before the first upload.
        """
        digest = hashlib.sha256(batch_id.bytes).hexdigest
        with idempotency.reserve(request, route="photo-batch-attach", compute_digest=digest) as key:
            if key.replay is not None:
                return key.replay
            user, now = caller_of(request), timezone.now()
            with lifecycle.starting(user=user, batch_id=batch_id, now=now) as batch:
                return key.save_response(self._saved(batch, 202, _serialize([batch])[0]))

    @extend_schema(
        operation_id="cancel_photo_batch",
        tags=TAGS,
        parameters=[BATCH_ID, LOCATION],
        request=None,
        responses={202: ACCEPTED, 409: CONFLICT},
    )
    def cancel(self, request: Request, batch_id: UUID) -> Response:
        """Cancel a photo batch; photos that are attached stay."""
        return self._accepted(lifecycle.cancel(user=caller_of(request), batch_id=batch_id))

    @extend_schema(
        operation_id="retry_photo_batch",
        tags=TAGS,
        parameters=[BATCH_ID, LOCATION],
        request=None,
        responses={202: ACCEPTED, 409: CONFLICT},
    )
    def retry(self, request: Request, batch_id: UUID) -> Response:
        """Run a photo batch again for its failed photos; names without product are matched again.

        Photos whose bytes are missing or unusable wait for another upload.
        """
        batch = lifecycle.retry(user=caller_of(request), batch_id=batch_id, now=timezone.now())
        return self._accepted(batch)

    @extend_schema(
        operation_id="download_photo_batch_report",
        tags=TAGS,
        parameters=[BATCH_ID],
        responses={(200, CSV): CSV_FILE},
    )
    def report(self, request: Request, batch_id: UUID) -> StreamingHttpResponse:
        """Return what became of each photo."""
        batch = selectors.get_visible_batch(caller_of(request), batch_id)
        header = content_disposition_header(as_attachment=True, filename=report.file_name_of(batch))
        return StreamingHttpResponse(
            report.report(batch),
            content_type=f"{CSV}; charset=utf-8",
            headers={"Content-Disposition": header or "attachment", **NO_STORE},
        )

    def _response(self, batch: PhotoBatch) -> Response:
        return Response(_serialize([batch])[0])

    def _accepted(self, batch: PhotoBatch) -> Response:
        headers = {"Location": self._url_of(batch.pk)}
        return Response(_serialize([batch])[0], status=202, headers=headers)

    def _saved(self, batch: PhotoBatch, status: int, body: dict[str, Any]) -> SavedResponse:
        body = json.loads(JSONRenderer().render(body))
        return SavedResponse(status=status, body=body, location=self._url_of(batch.pk))

    def _url_of(self, batch_id: UUID) -> str:
        root = self.request.path.partition("/photo-batches")[0]
        return f"{root}/photo-batches/{batch_id}"


def _serialize(rows: "list[PhotoBatch]") -> "list[dict[str, Any]]":
    progress = selectors.progress_of_batches(rows, now=timezone.now())
    return [serialize_batch(batch, progress[batch.pk]) for batch in rows]
