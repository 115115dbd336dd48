from typing import Any

from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sartiq.core.validation import read

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SKIP = 10_000_000  # beyond any list we hold; keeps OFFSET within the database's range


class WindowIn(serializers.Serializer[dict[str, int]]):
    """The part of a list a caller asks for."""

    skip = serializers.IntegerField(min_value=0, max_value=MAX_SKIP, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)


class SkipLimitPagination(BasePagination):
    """Answers `{"data": [...], "count": n}`; `count` is the whole list's length."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the asked window and remember the count."""
        window = read(WindowIn, request.query_params, where="query")
        skip, limit = window["skip"], window["limit"]
        rows = list(queryset[skip : skip + limit])
        short = len(rows) < limit and (rows or skip == 0)
        self.count = skip + len(rows) if short else queryset.count()
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
        """Describe `skip` and `limit` for the OpenAPI document."""
        return [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in window_schemas(default_limit=DEFAULT_LIMIT).items()
        ]


class LongWindowIn(WindowIn):
    """The part of a bare array a caller asks for: as much as there may be, unless told."""

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=MAX_LIMIT)


def window_schemas(*, default_limit: int) -> dict[str, dict[str, Any]]:
    """Return what `skip` and `limit` may be, for the OpenAPI document."""
    skip = {"type": "integer", "minimum": 0, "maximum": MAX_SKIP, "default": 0}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": default_limit}
    return {"skip": skip, "limit": limit}


def bare_window(queryset: Any, request: Request) -> list[Any]:
    """Return the asked window of a list that is answered as a bare array: at most 1000 rows."""
    window = read(LongWindowIn, request.query_params, where="query")
    skip, limit = window["skip"], window["limit"]
    return list(queryset[skip : skip + limit])
