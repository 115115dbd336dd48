from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from sartiq.core.errors import NotAuthenticatedError


def caller_of(request: Request) -> User:
    """Return the user who sent an authenticated request."""
    if not isinstance(request.user, User):
        raise NotAuthenticatedError
    return request.user


class SuperuserOnly(BasePermission):
    """Permission of superusers."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the caller is a superuser in the database."""
        return isinstance(request.user, User) and request.user.is_superuser
