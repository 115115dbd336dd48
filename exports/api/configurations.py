from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.scopes import ScopeQuery, organization_id_from
from accounts.models import OwnerScope
from accounts.selectors import (
    get_visible_organization,
    require_manager,
    require_superuser,
    user_by_id,
)
from exports import selectors
from exports.api.serializers import (
    AnyExportConfigurationCreate,
    ExportConfigurationCreate,
    ExportConfigurationPublic,
    ExportConfigurationUpdate,
    Message,
)
from exports.models import ExportConfiguration
from exports.services import configurations
from sartiq.core.api.endpoints import EndpointSet
from sartiq.core.api.pagination import ArrayPageQuery, array_page
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.document import ERROR_RESPONSE
from sartiq.core.api.validation import validate_input
from sartiq.core.http.conditional import precondition

Handler = TypeVar("Handler", bound=Callable[..., Response])
Rows = QuerySet[ExportConfiguration]
LIST: dict[str, Any] = {"responses": {200: ExportConfigurationPublic(many=True)}}
FOUND = {200: ExportConfigurationPublic}
CREATED = {201: ExportConfigurationPublic}
NO_CONFIGURATION = {
    404: OpenApiResponse(ERROR_RESPONSE, description="The caller has no configuration")
}


def documented(title: str, **options: Any) -> Callable[[Handler], Handler]:
    """Return a decorator that derives the operation id from the title of the specification."""
    operation_id = title.lower().replace(" ", "_")
    decorate: Callable[[Handler], Handler] = extend_schema(
        operation_id=operation_id, tags=["export-configuration"], **options
    )
    return decorate


class Configurations(EndpointSet):
    """Base class for the views of each kind of owner."""

    def list_response(self, rows: Rows) -> Response:
        """Return the rows as a bare array, oldest first."""
        page = array_page(rows, self.query)
        return Response(ExportConfigurationPublic(page, many=True).data)

    def first_response(self, rows: Rows) -> Response:
        """Return the oldest of the rows."""
        return Response(ExportConfigurationPublic(selectors.first_of(rows)).data)

    def create_response(self, scope: OwnerScope, values: dict[str, Any] | None = None) -> Response:
        """Create a configuration; return it with its URL in `Location`."""
        payload = (
            validate_input(ExportConfigurationCreate, self.request.data)
            if values is None
            else values
        )
        configuration = configurations.create(scope=scope, values=payload)
        location = reverse("export-configuration-one", kwargs={"config_id": configuration.pk})
        body = ExportConfigurationPublic(configuration).data
        return Response(body, status=201, headers={"Location": location})

    def change_response(self, rows: Rows) -> Response:
        """Change the oldest of the rows and return it."""
        payload = validate_input(ExportConfigurationUpdate, self.request.data)
        configuration = configurations.change_first(
            rows, values=payload, precondition=precondition(self.request, _as_json)
        )
        return Response(ExportConfigurationPublic(configuration).data)

    def delete_response(self, rows: Rows, *, with_message: bool) -> Response:
        """Delete the oldest of the rows; return a message, or 204 without a body."""
        configurations.delete_first(rows, precondition=precondition(self.request, _as_json))
        if not with_message:
            return Response(status=204)
        return Response(Message({"message": "Export configuration deleted"}).data)


class AllConfigurations(Configurations):
    """Every configuration the caller may see."""

    @documented("List Export Configurations", **LIST)
    @takes_query(ArrayPageQuery)
    def list(self, request: Request) -> Response:
        """List the caller's own configurations and those of their organizations."""
        return self.list_response(selectors.configurations_visible_to(caller_of(request)))

    @documented(
        "Create Export Configuration", request=AnyExportConfigurationCreate, responses=CREATED
    )
    @takes_query(ScopeQuery)
    def create(self, request: Request) -> Response:
        """Create a personal configuration, or with `organization_id` an organization's."""
        payload = validate_input(AnyExportConfigurationCreate, request.data)
        organization_id = organization_id_from(self.query, payload)
        payload.pop("organization_id", None)
        caller = caller_of(request)
        if organization_id is not None:
            require_manager(caller, organization_id)
        return self.create_response(OwnerScope(caller.pk, organization_id), payload)


class MyConfigurations(Configurations):
    """The caller's own configurations."""

    @documented("List My Export Configurations", **LIST)
    @takes_query(ArrayPageQuery)
    def list(self, request: Request) -> Response:
        """List all personal export configurations for the current user."""
        return self.list_response(self._rows())

    @documented("Get My Export Configuration", responses=FOUND | NO_CONFIGURATION)
    def retrieve(self, request: Request) -> Response:
        """Get the current user's first personal export configuration."""
        return self.first_response(self._rows())

    @documented(
        "Create My Export Configuration", request=ExportConfigurationCreate, responses=CREATED
    )
    def create(self, request: Request) -> Response:
        """Create an export configuration for the current user; there may be several."""
        return self.create_response(OwnerScope(caller_of(request).pk))

    @documented(
        "Update My Export Configuration",
        request=ExportConfigurationUpdate,
        responses=FOUND | NO_CONFIGURATION,
    )
    def partial_update(self, request: Request) -> Response:
        """Update the current user's first personal export configuration."""
        return self.change_response(self._rows())

    @documented("Delete My Export Configuration", responses={204: None} | NO_CONFIGURATION)
    def destroy(self, request: Request) -> Response:
        """Delete the current user's first personal export configuration."""
        return self.delete_response(self._rows(), with_message=False)

    def _rows(self) -> Rows:
        return selectors.personal_configurations(caller_of(self.request).pk)


class ConfigurationDetail(Configurations):
    """One configuration by its id."""

    @documented("Get Export Configuration", responses=FOUND)
    def retrieve(self, request: Request, config_id: UUID) -> Response:
        """Get an export configuration by ID."""
        configuration = selectors.configuration_visible_to(caller_of(request), config_id)
        return Response(ExportConfigurationPublic(configuration).data)

    @documented("Update Export Configuration", request=ExportConfigurationUpdate, responses=FOUND)
    def partial_update(self, request: Request, config_id: UUID) -> Response:
        """Update an export configuration by ID; an organization's as its owner or admin."""
        return self.change_response(configurations.writable_by(caller_of(request), config_id))

    @documented("Delete Export Configuration", responses={200: Message})
    def destroy(self, request: Request, config_id: UUID) -> Response:
        """Delete an export configuration by ID; linked objects fall back to the next level."""
        rows = configurations.writable_by(caller_of(request), config_id)
        return self.delete_response(rows, with_message=True)


class UserConfigurations(Configurations):
    """A user's own configurations, for that user and for superusers."""

    @documented("Get User Export Configuration", responses=FOUND)
    def retrieve(self, request: Request, user_id: UUID) -> Response:
        """Get first export configuration for a specific user."""
        return self.first_response(self._rows(user_id))

    @documented(
        "Create User Export Configuration", request=ExportConfigurationCreate, responses=CREATED
    )
    def create(self, request: Request, user_id: UUID) -> Response:
        """Create export configuration for a specific user; there may be several."""
        self._require_access(user_id)
        return self.create_response(OwnerScope(user_id))

    @documented(
        "Update User Export Configuration", request=ExportConfigurationUpdate, responses=FOUND
    )
    def partial_update(self, request: Request, user_id: UUID) -> Response:
        """Update first export configuration for a specific user."""
        return self.change_response(self._rows(user_id))

    @documented("Delete User Export Configuration", responses={204: None})
    def destroy(self, request: Request, user_id: UUID) -> Response:
        """Delete first export configuration for a specific user."""
        return self.delete_response(self._rows(user_id), with_message=False)

    def _rows(self, user_id: UUID) -> Rows:
        self._require_access(user_id)
        return selectors.personal_configurations(user_id)

    def _require_access(self, user_id: UUID) -> None:
        caller = caller_of(self.request)
        if user_id != caller.pk:
            require_superuser(caller)
            user_by_id(user_id)


class OrganizationConfigurations(Configurations):
    """An organization's configurations: members read them, owners and admins change them."""

    @documented("List Organization Export Configurations", **LIST)
    @takes_query(ArrayPageQuery)
    def list(self, request: Request, org_id: UUID) -> Response:
        """List all export configurations for an organization."""
        return self.list_response(self._readable(org_id))

    @documented("Get Organization Export Configuration", responses=FOUND)
    def retrieve(self, request: Request, org_id: UUID) -> Response:
        """Get first organization export configuration."""
        return self.first_response(self._readable(org_id))

    @documented(
        "Create Organization Export Configuration",
        request=ExportConfigurationCreate,
        responses=CREATED,
    )
    def create(self, request: Request, org_id: UUID) -> Response:
        """Create export configuration for an organization; there may be several."""
        caller = caller_of(request)
        require_manager(caller, org_id)
        return self.create_response(OwnerScope(caller.pk, org_id))

    @documented(
        "Update Organization Export Configuration",
        request=ExportConfigurationUpdate,
        responses=FOUND,
    )
    def partial_update(self, request: Request, org_id: UUID) -> Response:
        """Update first organization export configuration."""
        return self.change_response(self._changeable(org_id))

    @documented("Delete Organization Export Configuration", responses={200: Message})
    def destroy(self, request: Request, org_id: UUID) -> Response:
        """Delete first organization export configuration; linked objects fall back."""
        return self.delete_response(self._changeable(org_id), with_message=True)

    def _readable(self, org_id: UUID) -> Rows:
        get_visible_organization(caller_of(self.request), org_id)
        return selectors.configurations_of_organization(org_id)

    def _changeable(self, org_id: UUID) -> Rows:
        require_manager(caller_of(self.request), org_id)
        return selectors.configurations_of_organization(org_id)


def _as_json(configuration: ExportConfiguration) -> Any:
    return ExportConfigurationPublic(configuration).data
