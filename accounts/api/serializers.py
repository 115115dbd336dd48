"""Request and response serializers of the account routes."""

from typing import Any

from rest_framework import serializers

from accounts.api.fields import RoleField
from accounts.models import Membership, Organization, Role, User
from accounts.services.sessions import MAX_TOKEN_LENGTH, Session
from sartiq.core.api.fields import BooleanField, UUIDField
from sartiq.core.api.serializers import StrictSerializer

MAX_EMAIL_LENGTH = 254
MAX_NAME_LENGTH = 255
MAX_PASSWORD_LENGTH = 1024
MAX_SLUG_LENGTH = 100
InputSerializer = StrictSerializer[dict[str, Any]]


class PasswordField(serializers.CharField):
    """A password, accepted without trimming and never returned."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("write_only", True)
        super().__init__(trim_whitespace=False, max_length=MAX_PASSWORD_LENGTH, **kwargs)


class SignInRequest(InputSerializer):
    """The OAuth2 password form."""

    schema_name = "AccessTokenRequest"

    username = serializers.CharField(max_length=MAX_EMAIL_LENGTH)
    password = PasswordField()
    grant_type = serializers.ChoiceField(choices=["password"], required=False, allow_blank=True)
    scope = serializers.CharField(required=False, allow_blank=True)
    client_id = serializers.CharField(required=False, allow_blank=True)
    client_secret = serializers.CharField(required=False, allow_blank=True)


class RefreshRequest(InputSerializer):
    """A refresh token to exchange."""

    schema_name = "RefreshTokenRequest"

    refresh_token = serializers.CharField(max_length=MAX_TOKEN_LENGTH)


class TokenOut(serializers.Serializer[Session]):
    """A pair of tokens."""

    schema_name = "Token"

    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["bearer"])
    expires_in = serializers.IntegerField(help_text="Lifetime of the access token in seconds.")
    refresh_token = serializers.CharField(help_text="Can be exchanged once.")


class UserOut(serializers.ModelSerializer[User]):
    """A user."""

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "full_name",
            "is_active",
            "is_superuser",
            "is_staff",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ProfileIn(InputSerializer):
    """Changes of the caller's own profile."""

    full_name = serializers.CharField(max_length=MAX_NAME_LENGTH, allow_blank=True, required=False)
    email = serializers.EmailField(
        max_length=MAX_EMAIL_LENGTH, required=False, help_text="Needs `current_password`."
    )
    password = PasswordField(
        required=False,
        help_text="The new password. Ends every session; needs `current_password`.",
    )
    current_password = PasswordField(required=False)


class UserIn(InputSerializer):
    """A new user."""

    email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH)
    password = PasswordField()
    full_name = serializers.CharField(max_length=MAX_NAME_LENGTH, allow_blank=True, required=False)
    is_active = BooleanField(required=False)
    is_superuser = BooleanField(required=False)
    is_staff = BooleanField(required=False, help_text="Can use the admin.")


class UserChangeIn(UserIn):
    """Changes of a user by a superuser."""

    email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH, required=False)
    password = PasswordField(required=False)


class OrganizationOut(serializers.ModelSerializer[Organization]):
    """An organization."""

    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "created_at", "updated_at"]
        read_only_fields = fields


class OrganizationIn(InputSerializer):
    """A new organization."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH)
    slug = serializers.SlugField(
        max_length=MAX_SLUG_LENGTH,
        required=False,
        help_text="Generated from the name if omitted.",
    )


class OrganizationChangeIn(OrganizationIn):
    """Changes of an organization."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, required=False)


class MemberOut(serializers.ModelSerializer[Membership]):
    """One user's membership."""

    email = serializers.CharField(source="user.email", read_only=True)
    full_name = serializers.CharField(source="user.full_name", read_only=True)
    role = RoleField(read_only=True)

    class Meta:
        model = Membership
        fields = [
            "id",
            "organization_id",
            "user_id",
            "email",
            "full_name",
            "role",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class MemberIn(InputSerializer):
    """A new member, given by e-mail address or id."""

    email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH, required=False)
    user_id = UUIDField(required=False)
    role = RoleField(default=Role.MEMBER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require either the address or the id."""
        if ("email" in attrs) == ("user_id" in attrs):
            raise serializers.ValidationError("Send either email or user_id.", code="value_error")
        return attrs


class MemberChangeIn(InputSerializer):
    """A member's new role."""

    role = RoleField()
