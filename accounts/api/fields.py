"""Serializer fields that take the JSON type they name and no other."""

from typing import Any

from rest_framework import serializers

from accounts.models import Role


class TextField(serializers.CharField):
    """A JSON string; a number is not turned into one."""

    default_error_messages = {"string_type": "Not a valid string."}

    def to_internal_value(self, data: Any) -> str:
        """Return the cleaned text."""
        if not isinstance(data, str):
            self.fail("string_type")
        return super().to_internal_value(data)


class EmailTextField(TextField, serializers.EmailField):
    """A JSON string that is an e-mail address."""


class SlugTextField(TextField, serializers.SlugField):
    """A JSON string that is a slug."""


class FlagField(serializers.BooleanField):
    """A JSON boolean; words and numbers are not turned into one."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class RoleField(serializers.ChoiceField):
    """A membership's role, lower case on the wire."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [(role.value.lower(), role.label) for role in Role]
        super().__init__(choices=choices, **kwargs)

    def to_internal_value(self, data: Any) -> Role:
        """Return the role a word stands for."""
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return Role(str(super().to_internal_value(data)).upper())

    def to_representation(self, value: Any) -> str:
        """Return the role's word."""
        return str(value).lower()
