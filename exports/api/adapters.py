from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import SuperuserOnly, caller_of
from accounts.api.scopes import ScopeQuery
from accounts.selectors import scope_for
from exports import selectors
from exports.api.serializers import (
    MetadataAdapterOut,
    TemplateWildcardOut,
    VisibilityIn,
)
from exports.rules.wildcards import WILDCARDS
from exports.services import visibility
from sartiq.core.api.endpoints import Endpoint
from sartiq.core.api.query import takes_query
from sartiq.core.api.validation import validate_input

TAGS = ["metadata-adapters"]


class MetadataAdapters(Endpoint):
    """The metadata adapters the caller may use."""

    @extend_schema(
        operation_id="list_metadata_adapters",
        tags=TAGS,
        responses={200: MetadataAdapterOut(many=True)},
    )
    @takes_query(ScopeQuery)
    def get(self, request: Request) -> Response:
        """List the metadata adapters, the default one first."""
        caller = caller_of(request)
        scope = scope_for(caller, self.query.get("organization_id"))
        adapters = selectors.adapters_visible_to(caller, scope)
        return Response(MetadataAdapterOut(adapters, many=True).data)


class TemplateWildcards(Endpoint):
    """The wildcards of naming templates."""

    @extend_schema(
        operation_id="list_template_wildcards",
        tags=TAGS,
        responses={200: TemplateWildcardOut(many=True)},
    )
    def get(self, request: Request) -> Response:
        """List the wildcards of naming templates."""
        return Response(TemplateWildcardOut(list(WILDCARDS.values()), many=True).data)


class AdapterVisibility(Endpoint):
    """Who may use one adapter."""

    permission_classes = (SuperuserOnly,)

    @extend_schema(
        operation_id="update_metadata_adapter_visibility",
        tags=TAGS,
        request=VisibilityIn,
        responses={200: MetadataAdapterOut},
    )
    def put(self, request: Request, code: str) -> Response:
        """Make an adapter available to all, or to some organizations only."""
        adapter = visibility.set_visibility(code=code, **validate_input(VisibilityIn, request.data))
        return Response(MetadataAdapterOut(adapter).data)
