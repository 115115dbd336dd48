from collections.abc import Mapping
from typing import IO, Any

from django.http import QueryDict
from rest_framework.parsers import BaseParser

from sartiq.core.errors import RequestTooLargeError

MAX_FORM_BYTES = 64 * 1024


class BoundedFormParser(BaseParser):
    """Parses a URL-encoded form of at most 64 KiB, always as UTF-8."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> QueryDict:
        """Return the form's fields."""
        raw = stream.read(MAX_FORM_BYTES + 1)
        if len(raw) > MAX_FORM_BYTES:
            raise RequestTooLargeError("The form is larger than 64 KiB.")
        return QueryDict(raw, encoding="utf-8")
