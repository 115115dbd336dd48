import json
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import ScopeQuery
from accounts.models import OwnerScope
from accounts.selectors import scope_for
from catalog import selectors
from catalog.api import serializers as shapes
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
from sartiq.core.api.validation import read
from sartiq.core.http import idempotency
from sartiq.core.http.conditional import precondition
from sartiq.core.http.idempotency import Answer


class Entities(ModelEndpointSet):
    """List, create, read, change and delete one kind of entity."""

    model: ClassVar[type[CatalogEntity]]
    reads: ClassVar[type[shapes.EntityIn]]
    links: ClassVar[tuple[str, ...]] = ()

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows of the asked scope, oldest first."""
        if getattr(self, "swagger_fake_view", False):
            return self.model.objects.none()
        return selectors.in_scope(self.model, self._scope())

    @takes_query(EntityListQuery)
    def list(self, request: Request) -> Response:
        """List one owner's rows, oldest first."""
        page = self.paginate_queryset(matching(self.get_queryset(), self.query))
        return self.get_paginated_response(self._answers(page))

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @takes_query(ScopeQuery)
    def create(self, request: Request) -> Response:
        """Create a row and take its files in: all of it, or nothing."""
        changes = self._changes(read(self.reads, request.data))
        scope = self._scope()
        with idempotency.reserve(request, route=f"{self.basename}-create") as key:
            if key.replay is not None:
                return key.replay
            entities.create(
                self.model,
                user=caller_of(request),
                scope=scope,
                changes=changes,
                then=lambda entity: key.save_response(self._created(entity)),
            )
            return key.response

    def retrieve(self, request: Request, entity_id: UUID) -> Response:
        """Return one row with its media."""
        return self._one(selectors.one_visible_to(self.model, caller_of(request), entity_id))

    def partial_update(self, request: Request, entity_id: UUID) -> Response:
        """Change what is sent; a list of images replaces the list, null clears an image."""
        changes = self._changes(read(self.reads, request.data, partial=True))
        entities.update(
            self.model,
            user=caller_of(request),
            entity_id=entity_id,
            changes=changes,
            precondition=precondition(request, self._answer),
        )
        return self._one(selectors.one_visible_to(self.model, caller_of(request), entity_id))

    def destroy(self, request: Request, entity_id: UUID) -> Response:
        """Delete one row; files nothing else shows are discarded after a day."""
        entities.delete(
            self.model,
            user=caller_of(request),
            entity_id=entity_id,
            precondition=precondition(request, self._answer),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _scope(self) -> OwnerScope:
        return scope_for(caller_of(self.request), self.query.get("organization_id"))

    def _changes(self, asked: dict[str, Any]) -> Changes:
        media = {}
        for slot in SLOTS[self.model.entity_type]:
            if slot.name in asked:
                value = asked.pop(slot.name)
                media[slot.name] = (
                    list(value or []) if slot.holds_list else tuple(filter(None, [value]))
                )
        links = {name: asked.pop(name) for name in self.links if name in asked}
        values = {
            name: "" if value is None and name != "sku" else value for name, value in asked.items()
        }
        return Changes(values=values, links=links, media=media)

    def _created(self, entity: CatalogEntity) -> Answer:
        body = _plain(self._answer(entity))
        return Answer(
            status=201, body=body, location=f"{self.request.path.rstrip('/')}/{entity.pk}"
        )

    def _one(self, entity: CatalogEntity) -> Response:
        return Response(self._answer(entity))

    def _answer(self, entity: CatalogEntity) -> Any:
        return self._answers([entity])[0]

    def _answers(self, rows: Any) -> Sequence[Any]:
        context = {"media": selectors.media_by_slot(rows)}
        answers: Sequence[Any] = self.get_serializer_class()(rows, many=True, context=context).data
        return answers


def _plain(answer: Any) -> Any:
    """Return the answer as the JSON it will be, so that it can be kept and replayed."""
    return json.loads(JSONRenderer().render(answer))


def _documented(one: str, many: str, reads: Any, answers: Any) -> Any:
    """Name and describe the five operations of one kind of entity."""
    noun, nouns = one.replace("_", " "), many.replace("_", " ")

    def described(operation: str, text: str, **rest: Any) -> Any:
        return extend_schema(
            operation_id=operation, tags=[many.replace("_", "-")], description=text, **rest
        )

    return extend_schema_view(
        list=described(f"list_{many}", f"List one owner's {nouns}, oldest first."),
        create=described(
            f"create_{one}",
            f"Create a {noun} and take its files in: all of it, or nothing.",
            request=reads,
            responses={201: answers},
        ),
        retrieve=described(f"get_{one}", f"Return one {noun} with its media."),
        partial_update=described(
            f"update_{one}",
            f"Change what is sent of a {noun}; a list of images replaces the list, null clears an "
            "image.",
            request=reads,
            responses={200: answers, 409: CONFLICT},
        ),
        destroy=described(
            f"delete_{one}",
            f"Delete one {noun}; files that nothing else shows are discarded after a day.",
        ),
    )


@_documented("product", "products", shapes.ProductIn, shapes.ProductOut)
class Products(Entities):
    """Products."""

    model = Product
    reads = shapes.ProductIn
    serializer_class = shapes.ProductOut

    @takes_query(ProductListQuery)
    def list(self, request: Request) -> Response:
        """List one owner's products, oldest first."""
        return super().list(request)


@_documented("subject", "subjects", shapes.SubjectIn, shapes.SubjectOut)
class Subjects(Entities):
    """Subjects."""

    model = Subject
    reads = shapes.SubjectIn
    serializer_class = shapes.SubjectOut


@_documented("look", "looks", shapes.LookIn, shapes.LookOut)
class Looks(Entities):
    """Looks."""

    model = Look
    reads = shapes.LookIn
    serializer_class = shapes.LookOut
    links = ("products", "subject", "export_configuration")


@_documented("guideline", "guidelines", shapes.GuidelineIn, shapes.GuidelineOut)
class Guidelines(Entities):
    """Guidelines."""

    model = Guideline
    reads = shapes.GuidelineIn
    serializer_class = shapes.GuidelineOut
    links = ("export_configuration",)


@_documented(
    "production_request",
    "production_requests",
    shapes.ProductionRequestIn,
    shapes.ProductionRequestOut,
)
class ProductionRequests(Entities):
    """Production requests."""

    model = ProductionRequest
    reads = shapes.ProductionRequestIn
    serializer_class = shapes.ProductionRequestOut
    links = ("looks", "guideline", "export_configuration")
