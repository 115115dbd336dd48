"""Serializer fields that accept one spelling of a value, in bodies, forms and queries.

Python and DRF accept more: `urn:uuid:…` and braces as a UUID, `1_0` and Arabic digits as a number,
`y` as true. One value then has several spellings, and typing errors are accepted.
"""

import re
import uuid
from typing import Any

from rest_framework import serializers

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INTEGER = re.compile(r"-?[0-9]+")
_BOOLEANS = {"true", "True", "1", "false", "False", "0"}
SHA256 = r"\A[0-9a-fA-F]{64}\Z"


def parse_uuid(text: str) -> uuid.UUID | None:
    """Return the UUID written as 8-4-4-4-12 hexadecimal digits; None for any other text."""
    return uuid.UUID(text) if _UUID.fullmatch(text) else None


class UUIDField(serializers.UUIDField):
    """A UUID as 8-4-4-4-12 hexadecimal digits of either case."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        """Return the UUID."""
        parsed = parse_uuid(data) if isinstance(data, str) else None
        if parsed is None:
            self.fail("invalid", value=data)
        return parsed


class IntegerField(serializers.IntegerField):
    """A whole number: ASCII digits, with a minus sign when negative."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if isinstance(data, str) and not _INTEGER.fullmatch(data):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class BooleanField(serializers.BooleanField):
    """A boolean; as text `true`, `True` or `1`, `false`, `False` or `0`."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the boolean."""
        if isinstance(data, str) and data not in _BOOLEANS:
            self.fail("invalid", input=data)
        return bool(super().to_internal_value(data))


class Sha256Field(serializers.RegexField):
    """A SHA-256 as 64 hexadecimal digits of either case."""

    def __init__(self, **kwargs: Any) -> None:
        messages: dict[str, Any] = {"invalid": "Send 64 hexadecimal digits."}
        super().__init__(SHA256, trim_whitespace=False, error_messages=messages, **kwargs)
