"""Authentication by the bearer token of the `Authorization` header."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.errors import CredentialsError
from accounts.models import User
from accounts.services import sessions

SCHEME = b"bearer"


class BearerAuthentication(BaseAuthentication):
    """Loads the user of an access token from the database for every request, in one query."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the caller, None without a token; an invalid token is a 401."""
        scheme, _, token = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != SCHEME:
            return None
        try:
            return sessions.user_of(access_token=token.strip().decode("latin-1")), None
        except CredentialsError as error:
            raise AuthenticationFailed(error.detail) from None

    def authenticate_header(self, request: Request) -> str:
        """Return the scheme for `WWW-Authenticate`."""
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped base
    """Describes the scheme in the OpenAPI document."""

    target_class = "accounts.api.authentication.BearerAuthentication"
    name = "OAuth2PasswordBearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the OAuth2 password flow."""
        flow = {"tokenUrl": "/api/v1/login/access-token", "scopes": {}}
        return {"type": "oauth2", "flows": {"password": flow}}
