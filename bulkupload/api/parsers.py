from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, MultiPartParser

from bulkupload.errors import CutOffError, NotAFormError, SeveralTablesError, TableTooLargeError
from bulkupload.rules.limits import MAX_FILE_BYTES, MAX_FORM_BYTES
from sartiq.core.http.request_body import CountedBody


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
        length = int(meta.get("CONTENT_LENGTH") or 0)
        if length > MAX_FILE_BYTES + MAX_FORM_BYTES:
            raise TableTooLargeError
        # Django's parser takes the end of a connection for the end of the form: a dry run whose
        # last part was cut off would write.
        counted: Any = CountedBody(stream)
        try:
            form = super().parse(counted, media_type, parser_context)
        except ParseError:
            raise NotAFormError from None
        if counted.size < length:
            raise CutOffError
        if len(form.files.getlist("file")) > 1:
            raise SeveralTablesError(loc=("body", "file"))
        return form
