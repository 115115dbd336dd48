import json
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import DeletedQuery, ScopeQuery
from accounts.models import OwnerScope
from accounts.selectors import scope_for
from catalog import selectors
from catalog.api import serializers
from catalog.api.filters import EntityListQuery, ProductListQuery, matching
from catalog.models import (
    CatalogEntity,
    Guideline,
    Look,
    Product,
    ProductionRequest,
    Subject,
)
from catalog.rules.slots import SLOTS
from catalog.services import entities
from catalog.services.entities import Changes
from sartiq.core.api.endpoints import ModelEndpointSet
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.conditional_requests import IDEMPOTENCY_KEY
from sartiq.core.api.schema.document import CONFLICT
from sartiq.core.api.validation import validate_input
from sartiq.core.contention import retry_on_contention
from sartiq.core.http import idempotency
from sartiq.core.http.conditional import precondition
from sartiq.core.http.idempotency import SavedResponse

UNIQUE = ("product", "subject")  # kinds with an identifier that another row may have taken


class Entities(ModelEndpointSet):
    """The CRUD operations of one kind of entity."""

    model: ClassVar[type[CatalogEntity]]
    input_serializer: ClassVar[type[serializers.EntityIn]]
    links: ClassVar[tuple[str, ...]] = ()

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows of the requested scope, oldest first."""
        if getattr(self, "swagger_fake_view", False):
            return self.model.objects.none()
        return selectors.in_scope(
            self.model, self._scope(), deleted=self.query.get("deleted", False)
        )

    @takes_query(EntityListQuery)
    def list(self, request: Request) -> Response:
        """List one owner's rows, oldest first."""
        page = self.paginate_queryset(matching(self.get_queryset(), self.query))
        return self.get_paginated_response(self._serialize(page))

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @takes_query(ScopeQuery)
    def create(self, request: Request) -> Response:
        """Create a row with its files, all or nothing."""
        changes = self._changes(validate_input(self.input_serializer, request.data))
        user, scope = caller_of(request), self._scope()
        with idempotency.reserve(request, route=f"{self.basename}-create") as key:
            if key.replay is not None:
                return key.replay
            for attempt in retry_on_contention():
                transaction = entities.creating(self.model, user=user, scope=scope, changes=changes)
                with attempt, transaction as entity:
                    response = key.save_response(self._created(entity))
            return response

    @takes_query(DeletedQuery)
    def retrieve(self, request: Request, entity_id: UUID) -> Response:
        """Return one row with its media."""
        user, deleted = caller_of(request), self.query["deleted"]
        return self._response(selectors.get_visible(self.model, user, entity_id, deleted=deleted))

    def partial_update(self, request: Request, entity_id: UUID) -> Response:
        """Change the given fields; a list of images replaces the list, null removes an image."""
        changes = self._changes(validate_input(self.input_serializer, request.data, partial=True))
        entities.update(
            self.model,
            user=caller_of(request),
            entity_id=entity_id,
            changes=changes,
            precondition=precondition(request, self._as_json),
        )
        return self._response(selectors.get_visible(self.model, caller_of(request), entity_id))

    def destroy(self, request: Request, entity_id: UUID) -> Response:
        """Delete one row; it can be restored until it is purged."""
        entities.delete(
            self.model,
            user=caller_of(request),
            entity_id=entity_id,
            precondition=precondition(request, self._as_json),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"])  # for the schema; the route is in `urls`
    def restore(self, request: Request, entity_id: UUID) -> Response:
        """Return a deleted row from the trash; one that is not deleted stays as it is."""
        user = caller_of(request)
        return self._response(entities.restore(self.model, user=user, entity_id=entity_id))

    def _scope(self) -> OwnerScope:
        return scope_for(caller_of(self.request), self.query.get("organization_id"))

    def _changes(self, payload: dict[str, Any]) -> Changes:
        media = {}
        for slot in SLOTS[self.model.entity_type]:
            if slot.name in payload:
                value = payload.pop(slot.name)
                media[slot.name] = (
                    list(value or []) if slot.holds_list else tuple(filter(None, [value]))
                )
        links = {name: payload.pop(name) for name in self.links if name in payload}
        values = {
            name: "" if value is None and name != "sku" else value
            for name, value in payload.items()
        }
        return Changes(values=values, links=links, media=media)

    def _created(self, entity: CatalogEntity) -> SavedResponse:
        body = _as_rendered(self._as_json(entity))
        return SavedResponse(
            status=201, body=body, location=f"{self.request.path.rstrip('/')}/{entity.pk}"
        )

    def _response(self, entity: CatalogEntity) -> Response:
        return Response(self._as_json(entity))

    def _as_json(self, entity: CatalogEntity) -> Any:
        return self._serialize([entity])[0]

    def _serialize(self, rows: Any) -> Sequence[Any]:
        context = {"media": selectors.media_by_slot(rows)}
        data: Sequence[Any] = self.get_serializer_class()(rows, many=True, context=context).data
        return data


def _as_rendered(data: Any) -> Any:
    """Return the data as the client will receive it, to be stored and replayed."""
    return json.loads(JSONRenderer().render(data))


def _documented(singular: str, plural: str, input_serializer: Any, data: Any) -> Any:
    """Return the decorator that documents the five operations of one kind of entity."""
    noun, nouns = singular.replace("_", " "), plural.replace("_", " ")

    def described(operation: str, text: str, **options: Any) -> Any:
        return extend_schema(
            operation_id=operation, tags=[plural.replace("_", "-")], description=text, **options
        )

    return extend_schema_view(
        list=described(f"list_{plural}", f"List one owner's {nouns}, oldest first."),
        create=described(
            f"create_{singular}",
            f"Create a {noun} with its files; if one is rejected, nothing is created.",
            request=input_serializer,
            responses={201: data},
        ),
        retrieve=described(f"get_{singular}", f"Return one {noun} with its media."),
        partial_update=described(
            f"update_{singular}",
            f"Change the given fields of a {noun}; a list of images replaces the list, "
            "null removes an image.",
            request=input_serializer,
            responses={200: data, 409: CONFLICT},
        ),
        destroy=described(
            f"delete_{singular}",
            f"Delete one {noun}; it can be restored, by default for 30 days.",
        ),
        restore=described(
            f"restore_{singular}",
            f"Restore a deleted {noun} with its files and links. One that is not deleted is"
            " returned unchanged.",
            request=None,
            responses={200: data} | ({409: CONFLICT} if singular in UNIQUE else {}),
        ),
    )


@_documented("product", "products", serializers.ProductIn, serializers.ProductOut)
class Products(Entities):
    """Products."""

    model = Product
    input_serializer = serializers.ProductIn
    serializer_class = serializers.ProductOut

    @takes_query(ProductListQuery)
    def list(self, request: Request) -> Response:
        """List one owner's products, oldest first."""
        return super().list(request)


@_documented("subject", "subjects", serializers.SubjectIn, serializers.SubjectOut)
class Subjects(Entities):
    """Subjects."""

    model = Subject
    input_serializer = serializers.SubjectIn
    serializer_class = serializers.SubjectOut


@_documented("look", "looks", serializers.LookIn, serializers.LookOut)
class Looks(Entities):
    """Looks."""

    model = Look
    input_serializer = serializers.LookIn
    serializer_class = serializers.LookOut
    links = ("products", "subject", "export_configuration")


@_documented("guideline", "guidelines", serializers.GuidelineIn, serializers.GuidelineOut)
class Guidelines(Entities):
    """Guidelines."""

    model = Guideline
    input_serializer = serializers.GuidelineIn
    serializer_class = serializers.GuidelineOut
    links = ("export_configuration",)


@_documented(
    "production_request",
    "production_requests",
    serializers.ProductionRequestIn,
    serializers.ProductionRequestOut,
)
class ProductionRequests(Entities):
    """Production requests."""

    model = ProductionRequest
    input_serializer = serializers.ProductionRequestIn
    serializer_class = serializers.ProductionRequestOut
    links = ("looks", "guideline", "export_configuration")
