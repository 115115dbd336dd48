from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors
from accounts.api.callers import caller_of
from accounts.api.serializers import (
    MemberChangeIn,
    MemberIn,
    MemberOut,
    OrganizationChangeIn,
    OrganizationIn,
    OrganizationOut,
)
from accounts.models import Membership, Organization
from accounts.services import members, organizations
from sartiq.core.api.endpoints import ModelEndpointSet
from sartiq.core.api.pagination import PageQuery
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.document import CONFLICT
from sartiq.core.api.validation import validate_input
from sartiq.core.http.conditional import precondition


@extend_schema(tags=["organizations"])
class Organizations(ModelEndpointSet):
    """The caller's organizations; all of them for superusers."""

    serializer_class = OrganizationOut

    def get_queryset(self) -> QuerySet[Organization]:
        """Return the organizations the caller may see."""
        return selectors.organizations_visible_to(caller_of(self.request))

    @extend_schema(operation_id="list_organizations", responses={200: OrganizationOut(many=True)})
    @takes_query(PageQuery)
    def list(self, request: Request) -> Response:
        """List organizations, oldest first."""
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(OrganizationOut(rows, many=True).data)

    @extend_schema(
        operation_id="create_organization",
        request=OrganizationIn,
        responses={201: OrganizationOut, 409: CONFLICT},
    )
    def create(self, request: Request) -> Response:
        """Create an organization; the caller becomes its owner."""
        data = validate_input(OrganizationIn, request.data)
        organization = organizations.create(owner=caller_of(request), **data)
        location = reverse("organization", kwargs={"org_id": organization.pk})
        return Response(
            OrganizationOut(organization).data, status=201, headers={"Location": location}
        )

    @extend_schema(operation_id="get_organization", responses={200: OrganizationOut})
    def retrieve(self, request: Request, org_id: UUID) -> Response:
        """Return one organization to its members."""
        organization = selectors.get_visible_organization(caller_of(request), org_id)
        return Response(OrganizationOut(organization).data)

    @extend_schema(
        operation_id="update_organization",
        request=OrganizationChangeIn,
        responses={200: OrganizationOut, 409: CONFLICT},
    )
    def partial_update(self, request: Request, org_id: UUID) -> Response:
        """Change the name or the slug, as an owner or admin."""
        caller = caller_of(request)
        selectors.require_manager(caller, org_id)
        data = validate_input(OrganizationChangeIn, request.data)
        organization = organizations.change(
            actor=caller,
            organization_id=org_id,
            precondition=precondition(request, _organization),
            **data,
        )
        return Response(OrganizationOut(organization).data)


@extend_schema(tags=["organizations"])
class Members(ModelEndpointSet):
    """The members of an organization, for its owners and admins."""

    serializer_class = MemberOut

    def get_queryset(self) -> QuerySet[Membership]:
        """Return the organization's memberships."""
        return selectors.members_of(self.kwargs["org_id"])

    @extend_schema(operation_id="list_members", responses={200: MemberOut(many=True)})
    @takes_query(PageQuery)
    def list(self, request: Request, org_id: UUID) -> Response:
        """List members, oldest first."""
        selectors.require_manager(caller_of(request), org_id)
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(MemberOut(rows, many=True).data)

    @extend_schema(
        operation_id="create_member", request=MemberIn, responses={201: MemberOut, 409: CONFLICT}
    )
    def create(self, request: Request, org_id: UUID) -> Response:
        """Make a user a member; only owners can add owners."""
        caller = caller_of(request)
        selectors.require_manager(caller, org_id)
        data = validate_input(MemberIn, request.data)
        membership = members.add(actor=caller, organization_id=org_id, **data)
        location = reverse("member", kwargs={"org_id": org_id, "user_id": membership.user_id})
        return Response(MemberOut(membership).data, status=201, headers={"Location": location})

    @extend_schema(operation_id="get_member", responses={200: MemberOut})
    def retrieve(self, request: Request, org_id: UUID, user_id: UUID) -> Response:
        """Return one member."""
        selectors.require_manager(caller_of(request), org_id)
        return Response(MemberOut(selectors.member_of(org_id, user_id)).data)

    @extend_schema(
        operation_id="update_member",
        request=MemberChangeIn,
        responses={200: MemberOut, 409: CONFLICT},
    )
    def partial_update(self, request: Request, org_id: UUID, user_id: UUID) -> Response:
        """Change a member's role; the last owner must stay an owner."""
        caller = caller_of(request)
        selectors.require_manager(caller, org_id)
        data = validate_input(MemberChangeIn, request.data)
        membership = members.change_role(
            actor=caller,
            organization_id=org_id,
            user_id=user_id,
            precondition=precondition(request, _member),
            **data,
        )
        return Response(MemberOut(membership).data)

    @extend_schema(operation_id="delete_member", responses={204: None, 409: CONFLICT})
    def destroy(self, request: Request, org_id: UUID, user_id: UUID) -> Response:
        """Remove a member. Every member can leave; the last owner cannot be removed."""
        members.remove(
            actor=caller_of(request),
            organization_id=org_id,
            user_id=user_id,
            precondition=precondition(request, _member),
        )
        return Response(status=204)


def _organization(organization: Organization) -> Any:
    return OrganizationOut(organization).data


def _member(membership: Membership) -> Any:
    return MemberOut(membership).data
