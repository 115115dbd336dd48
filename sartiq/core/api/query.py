"""Declaration of the query parameters of a route.

The endpoint validates them before the handler runs, and the OpenAPI schema describes them. A
handler without a declaration accepts no query parameters.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework import serializers

Handler = TypeVar("Handler", bound=Callable[..., Any])
QuerySerializer = type[serializers.Serializer[Any]]


class NoQuery(serializers.Serializer[Any]):
    """The query of a route without parameters."""


def takes_query(serializer: QuerySerializer) -> Callable[[Handler], Handler]:
    """Declare the query parameters of a handler."""

    def declare(handler: Handler) -> Handler:
        handler.query_serializer = serializer  # type: ignore[attr-defined]  # functions accept attributes
        return handler

    return declare


def query_serializer_of(view: Any, method: str) -> QuerySerializer:
    """Return the serializer that the handler of a method declares."""
    handler = getattr(view, getattr(view, "action", None) or method.lower(), None)
    declared: QuerySerializer = getattr(handler, "query_serializer", NoQuery)
    return declared
