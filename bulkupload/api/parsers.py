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
    """Parses a form with one table; does not read a body whose declared length is too large."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        """Return the form, with its file on disk."""
        meta = (parser_context or {})["request"].META
        length = int(meta.get("CONTENT_LENGTH") or 0)
        if length > MAX_FILE_BYTES + MAX_FORM_BYTES:
            raise TableTooLargeError
        # Django's parser accepts a form that is cut off. If the part with `dry_run` were missing,
        # a dry run would write to the database.
        counting_stream: Any = CountedBody(stream)
        try:
            form = super().parse(counting_stream, media_type, parser_context)
        except ParseError:
            raise NotAFormError from None
        if counting_stream.size < length:
            raise IncompleteBodyError
        if len(form.files.getlist("file")) > 1:
            raise SeveralTablesError(loc=("body", "file"))
        return form
