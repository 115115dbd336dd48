from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import DataAndFiles, MultiPartParser

from bulkupload.errors import TableTooLargeError
from bulkupload.rules.limits import LARGEST_FILE, LARGEST_FORM


class BoundedMultiPartParser(MultiPartParser):
    """Reads a form with one table; a body that says it is too large is not read at all."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        """Return the form; its file lies on the disk, not in memory."""
        meta = (parser_context or {})["request"].META
        if int(meta.get("CONTENT_LENGTH") or 0) > LARGEST_FILE + LARGEST_FORM:
            raise TableTooLargeError
        return super().parse(stream, media_type, parser_context)
