from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JSONAlways(BaseContentNegotiation):
    """Returns JSON for every `Accept` header, so that clients never get a 406."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        """Return the parser for the body's media type, None if there is none (415)."""
        content_type = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type
