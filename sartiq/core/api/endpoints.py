"""Base classes of all REST endpoints."""

import uuid
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ViewSet

from sartiq.core.api.fields import parse_uuid
from sartiq.core.api.query import query_serializer_of
from sartiq.core.api.validation import validate_input
from sartiq.core.errors import BodyLengthMissingError, InvalidValuesError, Issue
from sartiq.core.http import conditional


class BaseEndpoint(APIView):
    """Validates ids and query parameters before the handler runs.

    Every path parameter named `id` or `*_id` is a UUID. `self.query` holds the parameters that the
    handler declares with `takes_query`. A body without a length is rejected, as it would be read
    as an empty one.
    """

    # OPTIONS returns 405, so `Allow` must not name it.
    http_method_names = [name for name in APIView.http_method_names if name != "options"]
    ignores_query: ClassVar[bool] = False  # True for routes that accept any query
    query: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and authorize, then validate the ids and the query."""
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers:
            raise BodyLengthMissingError
        conditional.require_well_formed(request)
        for name, value in list(self.kwargs.items()):
            if (name == "id" or name.endswith("_id")) and isinstance(value, str):
                self.kwargs[name] = _uuid(name, value)  # the arguments of the handler
        method = (request.method or "").lower()
        if not self.ignores_query and method in self.http_method_names and hasattr(self, method):
            declared = query_serializer_of(self, method)
            self.query = validate_input(declared, request.query_params, where="query")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add an entity tag, and forbid shared caches to store the response."""
        finalized: Any = super().finalize_response(request, response, *args, **kwargs)
        if self.authentication_classes:
            conditional.tag(request, finalized)
            if request.method in conditional.SAFE_METHODS:
                conditional.forbid_shared_caching(finalized)
        return finalized


class Endpoint(BaseEndpoint):
    """An APIView with the shared behaviour."""


class EndpointSet(BaseEndpoint, ViewSet):
    """A viewset without a model."""


class ModelEndpointSet(BaseEndpoint, GenericViewSet):  # type: ignore[type-arg]  # any model
    """A viewset of one queryset."""


def _uuid(name: str, value: str) -> uuid.UUID:
    parsed = parse_uuid(value)
    if parsed is None:
        issue = Issue(
            loc=("path", name), code="uuid_parsing", message="Not a valid UUID.", input=value
        )
        raise InvalidValuesError([issue])
    return parsed
