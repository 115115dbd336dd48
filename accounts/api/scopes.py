"""The owner in a request: `organization_id` in its query and, in some routes, in its body."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers

from sartiq.core.api.fields import BooleanField, UUIDField
from sartiq.core.api.pagination import PageQuery
from sartiq.core.errors import InvalidValuesError, Issue


class ScopeQuery(serializers.Serializer[Any]):
    """The owner that a request is for."""

    organization_id = UUIDField(
        required=False, help_text="The organization; if omitted, the caller's personal scope."
    )


class DeletedQuery(serializers.Serializer[Any]):
    """Whether to look in the trash."""

    deleted = BooleanField(
        default=False, help_text="True for deleted rows only, which can still be restored."
    )


class ScopedPageQuery(PageQuery, ScopeQuery):
    """One page of one owner's rows."""


def organization_id_from(query: Mapping[str, Any], body: Mapping[str, Any]) -> UUID | None:
    """Return the organization id from the query or the body, which must not differ."""
    in_query: UUID | None = query.get("organization_id")
    in_body: UUID | None = body.get("organization_id")
    if in_query and in_body and in_query != in_body:
        issue = Issue(
            loc=("body", "organization_id"),
            code="value_error",
            message="organization_id differs between query and body. Send one of them.",
            input=str(in_body),
        )
        raise InvalidValuesError([issue])
    return in_query or in_body
