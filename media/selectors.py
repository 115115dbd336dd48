from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from accounts.models import User
from media.errors import MediaResourceNotFoundError
from media.models import Attachment, MediaResource, ResourceStatus
from media.rules import failures, keys
from media.rules.addresses import object_urls


def public_url(key: str) -> str:
    """Return the address a public object is read at."""
    return object_urls.public_url(settings.CDN_URL, key)


def resource_url(resource: MediaResource) -> str | None:
    """Return where a resource's bytes are read: temporary while pending, none once failed.

    A resource made from another owner's file shows nothing until it has bytes of its own.
    """
    key = resource.storage_key
    is_foreign = keys.resource_id_of(key) not in {None, resource.pk}
    if resource.status == ResourceStatus.FAILED or is_foreign:
        return None
    return public_url(key)


def thumbnail_url(resource: MediaResource) -> str | None:
    """Return where the small picture of a READY image is read; None where there is none."""
    if resource.status != ResourceStatus.READY or not resource.has_thumbnail:
        return None
    return public_url(keys.thumbnail_key(resource.pk))


def our_bases() -> list[str]:
    """Return the addresses below which a URL can name one of our objects."""
    return list(dict.fromkeys([settings.CDN_URL, settings.R2_PUBLIC_URL]))


def resources_visible_to(user: User) -> QuerySet[MediaResource]:
    """Return the resources the caller may see with their attachments, oldest first."""
    attachments = Attachment.objects.order_by("created_at", "id")
    rows = MediaResource.objects.visible_to(user)
    return rows.prefetch_related(Prefetch("attachments", queryset=attachments)).order_by(
        "created_at", "id"
    )


def resource_visible_to(user: User, resource_id: UUID) -> MediaResource:
    """Return one resource; a foreign one is not found."""
    found = resources_visible_to(user).filter(pk=resource_id).first()
    if found is None:
        raise MediaResourceNotFoundError
    return found


def media_of(entity_type: str, entity_ids: Iterable[UUID]) -> dict[UUID, list[Attachment]]:
    """Return every entity's attachments with their resources, in slot order: one query."""
    found: dict[UUID, list[Attachment]] = {entity_id: [] for entity_id in entity_ids}
    if found:
        for each in Attachment.objects.of(entity_type, found).select_related("resource"):
            found[each.entity_id].append(each)
    return found


def as_answer(attachment: Attachment) -> dict[str, Any]:
    """Return one attachment as it stands in an entity's answer (contract: Media)."""
    resource = attachment.resource
    return {
        "resource_id": resource.pk,
        "slot": attachment.slot,
        "position": attachment.position,
        "status": resource.status.lower(),
        "url": resource_url(resource),
        "failure": failures.as_answer(resource.failure_code),
        "thumbnail_url": thumbnail_url(resource),
        "content_type": resource.content_type,
        "file_size": resource.file_size,
        "width": resource.width,
        "height": resource.height,
        "dominant_color": resource.dominant_color,
        "alt_text": resource.alt_text,
    }
