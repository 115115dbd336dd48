"""What every REST endpoint of the product shares."""

import uuid
from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ViewSet

from sartiq.core.errors import BodyLengthMissingError, InvalidManyError, Issue

CANONICAL_LENGTH = 36  # 8-4-4-4-12 with dashes; Python would also read braces and URNs


class PathIds(APIView):
    """Reads every path part named `id` or `*_id` as a UUID; a malformed one is a 422.

    A body without a length is refused: it would be read as an empty one.
    """

    # OPTIONS answers 405, so `Allow` must not name it.
    http_method_names = [name for name in APIView.http_method_names if name != "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and authorise first, then read the ids."""
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers:
            raise BodyLengthMissingError
        for name, value in list(self.kwargs.items()):
            if (name == "id" or name.endswith("_id")) and isinstance(value, str):
                self.kwargs[name] = _uuid(name, value)  # the dict the handler is called with


class Endpoint(PathIds):
    """An APIView of the product."""


class EndpointSet(PathIds, ViewSet):
    """A viewset of the product without a model behind it."""


class ModelEndpointSet(PathIds, GenericViewSet):  # type: ignore[type-arg]  # any model
    """A viewset of the product over one queryset."""


def _uuid(name: str, value: str) -> uuid.UUID:
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        parsed = None
    if parsed is None or len(value) != CANONICAL_LENGTH:
        issue = Issue(
            loc=("path", name), code="uuid_parsing", message="Not a valid UUID.", input=value
        )
        raise InvalidManyError([issue])
    return parsed
