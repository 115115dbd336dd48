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


class ConfigurationOf(Endpoint):
    """The configuration that applies to one entity."""

    model: ClassVar[type[ConfiguredEntity]]

    def get(self, request: Request, entity_id: UUID) -> Response:
        """Return which configuration an export goes by, which level gave it, and why."""
        entity = selectors.get_visible(self.model, caller_of(request), entity_id)
        return Response(ResolutionOut(resolve(entity)).data)


def _documented(one: str, tag: str) -> Any:
    described = extend_schema(
        operation_id=f"get_{one}_export_configuration", tags=[tag], responses={200: ResolutionOut}
    )
    return extend_schema_view(get=described)


@_documented("look", "looks")
class LookConfiguration(ConfigurationOf):
    """The configuration that applies to a look."""

    model = Look


@_documented("guideline", "guidelines")
class GuidelineConfiguration(ConfigurationOf):
    """The configuration that applies to a guideline."""

    model = Guideline


@_documented("production_request", "production-requests")
class ProductionRequestConfiguration(ConfigurationOf):
    """The configuration that applies to a production request."""

    model = ProductionRequest


VIEWS = {
    "looks": LookConfiguration,
    "guidelines": GuidelineConfiguration,
    "production-requests": ProductionRequestConfiguration,
}
