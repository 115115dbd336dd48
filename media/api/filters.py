"""Filters of the resource list."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from rest_framework import serializers

from accounts.api.scopes import DeletedQuery, ScopedPageQuery
from media.models import Attachment, MediaResource, ResourceStatus
from sartiq.core.api.fields import Sha256Field, UUIDField

# The entity types of catalog, which media must not import; a test in catalog compares the two.
ENTITY_TYPES = ("product", "subject", "look", "guideline", "production_request")
STATUSES = [status.lower() for status in ResourceStatus.values]


class MediaResourceListQuery(ScopedPageQuery, DeletedQuery):
    """Filters of the resource list."""

    organization_id = UUIDField(
        required=False, help_text="Only of this organization; if omitted, all the caller can see."
    )
    entity_type = serializers.ChoiceField(
        choices=ENTITY_TYPES, required=False, help_text="Attached to an entity of this type."
    )
    entity_id = UUIDField(required=False, help_text="Attached to this entity.")
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    sha256 = Sha256Field(required=False, help_text="With this SHA-256.")


def matching(rows: QuerySet[MediaResource], query: Mapping[str, Any]) -> QuerySet[MediaResource]:
    """Return the matching rows; entity type and id must match the same attachment."""
    entity = {name: query[name] for name in ("entity_type", "entity_id") if name in query}
    if entity:
        if "entity_type" in entity:
            entity["entity_type"] = entity["entity_type"].upper()
        attachments = Attachment.objects.of_live_entities().filter(
            resource_id=OuterRef("pk"), **entity
        )
        rows = rows.filter(Exists(attachments))
    if organization_id := query.get("organization_id"):
        rows = rows.filter(organization_id=organization_id)
    if status := query.get("status"):
        rows = rows.filter(status=status.upper())
    if sha256 := query.get("sha256"):
        rows = rows.filter(content_hash=sha256.lower())
    return rows
