from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from catalog import selectors
from catalog.models import ConfiguredEntity, Guideline, Look, ProductionRequest
from exports.api.serializers import ResolutionOut
from exports.services.resolution import resolve
from sartiq.core.api.endpoints import Endpoint


class EntityConfiguration(Endpoint):
    """The configuration that applies to one entity."""

    model: ClassVar[type[ConfiguredEntity]]

    def get(self, request: Request, entity_id: UUID) -> Response:
        """Return the configuration an export would use, the level it comes from, and the reason."""
        entity = selectors.get_visible(self.model, caller_of(request), entity_id)
        return Response(ResolutionOut(resolve(entity)).data)


def _documented(entity_type: str, tag: str) -> Any:
    schema = extend_schema(
        operation_id=f"get_{entity_type}_export_configuration",
        tags=[tag],
        responses={200: ResolutionOut},
    )
    return extend_schema_view(get=schema)


@_documented("look", "looks")
class LookConfiguration(EntityConfiguration):
    """The configuration that applies to a look."""

    model = Look


@_documented("guideline", "guidelines")
class GuidelineConfiguration(EntityConfiguration):
    """The configuration that applies to a guideline."""

    model = Guideline


@_documented("production_request", "production-requests")
class ProductionRequestConfiguration(EntityConfiguration):
    """The configuration that applies to a production request."""

    model = ProductionRequest


VIEWS = {
    "looks": LookConfiguration,
    "guidelines": GuidelineConfiguration,
    "production-requests": ProductionRequestConfiguration,
}
