from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from accounts.selectors import scope_for
from media.models import MediaResource, ResourceStatus


class MediaResourceFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Narrows the list of resources."""

    organization_id = django_filters.UUIDFilter(method="of_organization")
    entity_type = django_filters.CharFilter(method="shown_by_type", max_length=32)
    entity_id = django_filters.UUIDFilter(field_name="attachments__entity_id", distinct=True)
    status = django_filters.ChoiceFilter(
        choices=[(value.lower(), value.lower()) for value in ResourceStatus.values],
        method="with_status",
    )
    sha256 = django_filters.CharFilter(method="with_hash", max_length=64)

    class Meta:
        model = MediaResource
        fields: list[str] = []

    def of_organization(
        self, rows: QuerySet[MediaResource], name: str, value: Any
    ) -> QuerySet[MediaResource]:
        """Keep one organization's; one the caller may not enter is refused."""
        scope_for(self.request.user, value)
        return rows.filter(organization_id=value)

    def shown_by_type(
        self, rows: QuerySet[MediaResource], name: str, value: str
    ) -> QuerySet[MediaResource]:
        """Keep what an entity of this type shows."""
        return rows.filter(Q(attachments__entity_type=value.upper())).distinct()

    def with_status(
        self, rows: QuerySet[MediaResource], name: str, value: str
    ) -> QuerySet[MediaResource]:
        """Keep one status, written in lower case."""
        return rows.filter(status=value.upper())

    def with_hash(
        self, rows: QuerySet[MediaResource], name: str, value: str
    ) -> QuerySet[MediaResource]:
        """Keep the resource of this content."""
        return rows.filter(content_hash=value.lower())
