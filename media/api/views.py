from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import DeletedQuery
from accounts.selectors import scope_for
from media import selectors
from media.api.filters import MediaResourceListQuery, matching
from media.api.serializers import (
    HealOut,
    MediaResourceOut,
    MediaResourceUpdate,
)
from media.models import MediaResource
from media.services import resources, trash
from sartiq.core.api.endpoints import ModelEndpointSet
from sartiq.core.api.query import takes_query
from sartiq.core.api.validation import validate_input
from sartiq.core.http.conditional import precondition


@extend_schema_view(
    list=extend_schema(operation_id="list_media_resources", tags=["media-resources"]),
    retrieve=extend_schema(operation_id="get_media_resource", tags=["media-resources"]),
)
class MediaResources(ModelEndpointSet):
    """The files the caller may see."""

    serializer_class = MediaResourceOut
    queryset = MediaResource.objects.none()

    def get_queryset(self) -> QuerySet[MediaResource]:
        """Return the caller's resources, oldest first."""
        deleted = self.query.get("deleted", False)
        return selectors.resources_visible_to(caller_of(self.request), deleted=deleted)

    @takes_query(MediaResourceListQuery)
    def list(self, request: Request) -> Response:
        """List media resources, oldest first."""
        scope_for(caller_of(request), self.query.get("organization_id"))
        page = self.paginate_queryset(matching(self.get_queryset(), self.query))
        return self.get_paginated_response(MediaResourceOut(page, many=True).data)

    @takes_query(DeletedQuery)
    def retrieve(self, request: Request, resource_id: UUID) -> Response:
        """Return one resource with its attachments."""
        resource = selectors.resource_visible_to(
            caller_of(request), resource_id, deleted=self.query["deleted"]
        )
        return Response(MediaResourceOut(resource).data)

    @extend_schema(
        operation_id="update_media_resource",
        tags=["media-resources"],
        request=MediaResourceUpdate,
        responses={200: MediaResourceOut},
    )
    def partial_update(self, request: Request, resource_id: UUID) -> Response:
        """Save texts, and measurements that are still unknown.

        `alt_text` and `caption` are saved as sent, including null and the empty text. A measurement
        that is already known is not changed.
        """
        values = validate_input(MediaResourceUpdate, request.data, partial=True)
        updated = resources.update_metadata(
            user=caller_of(request),
            resource_id=resource_id,
            values=values,
            precondition=precondition(request, _as_json),
        )
        return Response(MediaResourceOut(updated).data)

    @extend_schema(
        operation_id="restore_media_resource",
        tags=["media-resources"],
        request=None,
        responses={200: MediaResourceOut},
    )
    def restore(self, request: Request, resource_id: UUID) -> Response:
        """Restore a deleted resource; one that is not deleted is returned unchanged.

        It is deleted again after a day unless it is attached to an entity.
        """
        resource = trash.restore(user=caller_of(request), resource_id=resource_id)
        return Response(MediaResourceOut(resource).data)

    @extend_schema(
        operation_id="heal_media_resources",
        tags=["media-resources"],
        request=None,
        responses={202: HealOut},
    )
    def heal(self, request: Request) -> Response:
        """Queue failed and waiting resources for another attempt (superusers only)."""
        queued = resources.heal(user=caller_of(request))
        return Response({"queued": queued}, status=status.HTTP_202_ACCEPTED)


def _as_json(resource: MediaResource) -> Any:
    return MediaResourceOut(resource).data
