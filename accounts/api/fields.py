"""Serializer field for roles."""

from typing import Any

from rest_framework import serializers

from accounts.models import Role


def role_choices() -> list[tuple[str, str]]:
    """Return the roles in lower case, for the schema's `MemberRole`."""
    return [(role.value.lower(), role.label) for role in Role]


class RoleField(serializers.ChoiceField):
    """A membership's role, in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        choices = role_choices()
        super().__init__(choices=choices, **kwargs)

    def to_internal_value(self, data: Any) -> Role:
        """Return the role with this name."""
        return Role(str(super().to_internal_value(data)).upper())

    def to_representation(self, value: Any) -> str:
        """Return the role in lower case."""
        return str(value).lower()
