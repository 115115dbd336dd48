from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.callers import caller_of
from accounts.api.parsers import BoundedFormParser
from accounts.api.responses import LOCKED_OUT, WRONG_CREDENTIALS
from accounts.api.serializers import RefreshRequest, SignInRequest, TokenOut, UserOut
from accounts.services import sessions
from sartiq.core.api.endpoints import Endpoint
from sartiq.core.api.validation import validate_input

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749, 5.1


class AccessToken(Endpoint):
    """Sign in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (BoundedFormParser,)

    @extend_schema(
        operation_id="create_access_token",
        tags=["login"],
        request=SignInRequest,
        responses={200: TokenOut, 401: WRONG_CREDENTIALS, 429: LOCKED_OUT},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange an e-mail address and a password for tokens."""
        data = validate_input(SignInRequest, request.data)
        session = sessions.sign_in(
            request=request._request,  # noqa: SLF001  django-axes marks the request it is given
            email=data["username"],
            password=data["password"],
        )
        return Response(TokenOut(session).data, headers=NO_STORE)


class RefreshToken(Endpoint):
    """Refresh tokens."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="refresh_access_token",
        tags=["login"],
        request=RefreshRequest,
        responses={200: TokenOut, 401: WRONG_CREDENTIALS},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for new tokens."""
        session = sessions.refresh(**validate_input(RefreshRequest, request.data))
        return Response(TokenOut(session).data, headers=NO_STORE)


class TestToken(Endpoint):
    """Check a token."""

    @extend_schema(
        operation_id="test_access_token", tags=["login"], request=None, responses={200: UserOut}
    )
    def post(self, request: Request) -> Response:
        """Return the current user."""
        return Response(UserOut(caller_of(request)).data)
