from typing import Any
from uuid import UUID

import django_filters
from django.core.validators import RegexValidator
from django.db.models import Exists, OuterRef, QuerySet

from accounts.selectors import scope_for
from media.models import Attachment, MediaResource, ResourceStatus

# The catalog's kinds, which media must not import; a test of the catalog holds both equal.
ENTITY_TYPES = ("product", "subject", "look", "guideline", "production_request")
SHA256 = RegexValidator(
    r"\A[0-9a-fA-F]{64}\Z", message="Send 64 hexadecimal digits.", code="value_error"
)


class MediaResourceFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Narrows the list of resources."""

    organization_id = django_filters.UUIDFilter(method="of_organization")
    entity_type = django_filters.ChoiceFilter(
        choices=[(name, name) for name in ENTITY_TYPES], method="shown_by_type"
    )
    entity_id = django_filters.UUIDFilter(method="shown_by")
    status = django_filters.ChoiceFilter(
        choices=[(value.lower(), value.lower()) for value in ResourceStatus.values],
        method="with_status",
    )
    sha256 = django_filters.CharFilter(method="with_hash", validators=[SHA256])

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
        """Keep what any entity of this type shows."""
        if self.form.cleaned_data["entity_id"]:
            return rows  # `shown_by` asks for both in one attachment
        return rows.filter(_shown(entity_type=value.upper()))

    def shown_by(
        self, rows: QuerySet[MediaResource], name: str, value: UUID
    ) -> QuerySet[MediaResource]:
        """Keep what this entity shows, of the asked type if one was asked for."""
        kind = self.form.cleaned_data["entity_type"]
        asked = {"entity_type": kind.upper()} if kind else {}
        return rows.filter(_shown(entity_id=value, **asked))

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


def _shown(**by: Any) -> Exists:
    return Exists(Attachment.objects.filter(resource_id=OuterRef("pk"), **by))
