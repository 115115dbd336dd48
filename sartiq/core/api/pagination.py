from typing import Any

from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sartiq.core.api.fields import IntegerField

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SKIP = 10_000_000  # longer than any list; keeps OFFSET in the database's range


class PageQuery(serializers.Serializer[Any]):
    """One page of a list."""

    skip = IntegerField(
        min_value=0, max_value=MAX_SKIP, default=0, help_text="Number of rows to skip."
    )
    limit = IntegerField(
        min_value=1,
        max_value=MAX_LIMIT,
        default=DEFAULT_LIMIT,
        help_text="Maximum number of rows to return.",
    )


class ArrayPageQuery(PageQuery):
    """One page of a list that is returned as a bare array; by default all rows."""

    limit = IntegerField(
        min_value=1,
        max_value=MAX_LIMIT,
        default=MAX_LIMIT,
        help_text="Maximum number of rows to return.",
    )


class SkipLimitPagination(BasePagination):
    """Returns `{"data": [...], "count": n}`; `count` is the length of the whole list."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the requested page, and store the count for the response."""
        query: dict[str, Any] = view.query  # type: ignore[union-attr]  # a BaseEndpoint
        skip, limit = query["skip"], query["limit"]
        rows = list(queryset[skip : skip + limit])
        is_last_page = len(rows) < limit and (rows or skip == 0)
        self.count = skip + len(rows) if is_last_page else queryset.count()
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap serialized rows in the list envelope."""
        return Response({"data": data, "count": self.count})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the envelope for the OpenAPI document."""
        return {
            "type": "object",
            "required": ["data", "count"],
            "properties": {
                "data": {
                    "type": "array",
                    "items": schema.get("items", schema),
                },
                "count": {"type": "integer", "minimum": 0},
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Return nothing: the handler declares its query parameters itself."""
        return []


def array_page(queryset: Any, query: dict[str, Any]) -> list[Any]:
    """Return the requested page of a list that is returned as a bare array."""
    skip, limit = query["skip"], query["limit"]
    return list(queryset[skip : skip + limit])
