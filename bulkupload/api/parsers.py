from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, MultiPartParser

from bulkupload.errors import (
    IncompleteBodyError,
    NotAFormError,
    SeveralTablesError,
    TableTooLargeError,
)
from bulkupload.rules.limits import MAX_FILE_BYTES, MAX_FORM_BYTES
from sartiq.core.http.request_body import CountedBody


class BoundedMultiPartParser(MultiPartParser):
    """Parses a form with one table; a body whose stated length is too large is not read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        """Return the form, with its file on the disk."""
        meta = (parser_context or {})["request"].META
        length = int(meta.get("CONTENT_LENGTH") or 0)
        if length > MAX_FILE_BYTES + MAX_FORM_BYTES:
            raise TableTooLargeError
        # For Django's parser the end of a connection is the end of the form: a dry run whose last
        # part is missing would write.
        counted: Any = CountedBody(stream)
        try:
            form = super().parse(counted, media_type, parser_context)
        except ParseError:
            raise NotAFormError from None
        if counted.size < length:
            raise IncompleteBodyError
        if len(form.files.getlist("file")) > 1:
            raise SeveralTablesError(loc=("body", "file"))
        return form
