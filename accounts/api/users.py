from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors
from accounts.api.callers import SuperuserOnly, caller_of
from accounts.api.responses import LOCKED_OUT
from accounts.api.serializers import ProfileIn, UserChangeIn, UserIn, UserOut
from accounts.models import User
from accounts.services import users
from sartiq.core.api.endpoints import Endpoint, ModelEndpointSet
from sartiq.core.api.pagination import PageQuery
from sartiq.core.api.query import takes_query
from sartiq.core.api.schema.document import CONFLICT
from sartiq.core.api.validation import validate_input
from sartiq.core.http.conditional import precondition


class Me(Endpoint):
    """The caller's own profile."""

    @extend_schema(operation_id="get_me", tags=["users"], responses={200: UserOut})
    def get(self, request: Request) -> Response:
        """Return the current user."""
        return Response(UserOut(caller_of(request)).data)

    @extend_schema(
        operation_id="update_me",
        tags=["users"],
        request=ProfileIn,
        responses={200: UserOut, 409: CONFLICT, 429: LOCKED_OUT},
    )
    def patch(self, request: Request) -> Response:
        """Change the name; the address and the password require the current password."""
        data = validate_input(ProfileIn, request.data)
        user = users.change_own(
            request=request._request,  # noqa: SLF001  django-axes marks the request it is given
            user=caller_of(request),
            precondition=precondition(request, _as_json),
            **data,
        )
        return Response(UserOut(user).data)


@extend_schema(tags=["users"])
class Users(ModelEndpointSet):
    """All users, for superusers."""

    permission_classes = (SuperuserOnly,)
    serializer_class = UserOut

    def get_queryset(self) -> QuerySet[User]:
        """Return all users except deleted ones."""
        return selectors.users()

    @extend_schema(operation_id="list_users", responses={200: UserOut(many=True)})
    @takes_query(PageQuery)
    def list(self, request: Request) -> Response:
        """List users, oldest first."""
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(UserOut(rows, many=True).data)

    @extend_schema(
        operation_id="create_user", request=UserIn, responses={201: UserOut, 409: CONFLICT}
    )
    def create(self, request: Request) -> Response:
        """Create a user."""
        user = users.create(**validate_input(UserIn, request.data))
        location = reverse("user", kwargs={"user_id": user.pk})
        return Response(UserOut(user).data, status=201, headers={"Location": location})

    @extend_schema(operation_id="get_user", responses={200: UserOut})
    def retrieve(self, request: Request, user_id: UUID) -> Response:
        """Return one user."""
        return Response(UserOut(selectors.user_by_id(user_id)).data)

    @extend_schema(
        operation_id="update_user", request=UserChangeIn, responses={200: UserOut, 409: CONFLICT}
    )
    def partial_update(self, request: Request, user_id: UUID) -> Response:
        """Change a user; the last active superuser must stay one."""
        user = users.change(
            user_id=user_id,
            precondition=precondition(request, _as_json),
            **validate_input(UserChangeIn, request.data),
        )
        return Response(UserOut(user).data)

    @extend_schema(operation_id="delete_user", responses={204: None, 409: CONFLICT})
    def destroy(self, request: Request, user_id: UUID) -> Response:
        """Disable and anonymize a user; the rows they created are kept."""
        check = precondition(request, _as_json)
        users.delete(user_id=user_id, now=timezone.now(), precondition=check)
        return Response(status=204)


def _as_json(user: User) -> Any:
    return UserOut(user).data
