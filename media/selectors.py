from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet

from accounts.models import User
from media.errors import MediaResourceNotFoundError, UploadNotFoundError
from media.models import Attachment, MediaResource, ResourceStatus, Upload
from media.rules import failures, keys
from media.rules.addresses import object_urls


def public_url(key: str) -> str:
    """Return the public URL of an object."""
    return object_urls.public_url(settings.CDN_URL, key)


def resource_url(resource: MediaResource) -> str | None:
    """Return the URL of a resource: temporary while pending, None once failed.

    A resource copied from another owner's file has no URL until its own copy exists.
    """
    key = resource.storage_key
    is_foreign = keys.resource_id_of(key) not in {None, resource.pk}
    if resource.status == ResourceStatus.FAILED or is_foreign:
        return None
    return public_url(key)


def thumbnail_url(resource: MediaResource) -> str | None:
    """Return the URL of the thumbnail of a READY image, None without one."""
    if resource.status != ResourceStatus.READY or not resource.has_thumbnail:
        return None
    return public_url(keys.thumbnail_key(resource.pk))


def public_base_urls() -> list[str]:
    """Return the base URLs of our public objects."""
    return list(dict.fromkeys([settings.CDN_URL, settings.R2_PUBLIC_URL]))


def keys_of_resources(object_keys: Iterable[str]) -> set[str]:
    """Return those keys to which a resource refers, whatever its status, deleted or not."""
    candidates = set(object_keys)
    ids = [resource_id for key in candidates if (resource_id := keys.resource_id_of(key))]
    rows = MediaResource.with_deleted.filter(Q(storage_key__among=candidates) | Q(pk__among=ids))
    fields = ("pk", "storage_key", "extension", "resource_type")
    return {
        key for row in rows.only(*fields) for key in row.own_keys | {row.storage_key}
    } & candidates


def resources_visible_to(user: User, *, deleted: bool = False) -> QuerySet[MediaResource]:
    """Return the resources the caller may see, or the deleted ones, oldest first.

    Their attachments to live entities are read with them.
    """
    attachments = Attachment.objects.of_live_entities().order_by("created_at", "id")
    live_or_deleted = MediaResource.with_deleted.in_trash() if deleted else MediaResource.objects
    rows: QuerySet[MediaResource] = live_or_deleted.visible_to(user)
    return rows.prefetch_related(Prefetch("attachments", queryset=attachments)).order_by(
        "created_at", "id"
    )


def resource_visible_to(user: User, resource_id: UUID, *, deleted: bool = False) -> MediaResource:
    """Return one resource; raises not found for another owner's."""
    resource = resources_visible_to(user, deleted=deleted).filter(pk=resource_id).first()
    if resource is None:
        raise MediaResourceNotFoundError
    return resource


def upload_visible_to(user: User, upload_id: UUID) -> Upload:
    """Return one upload; raises not found for another owner's.

    Its `resource` is None if the caller may not see it: it may belong to another organization.
    """
    resources = Prefetch("resource", queryset=MediaResource.objects.visible_to(user))
    rows = Upload.objects.visible_to(user).prefetch_related(resources)
    upload: Upload | None = rows.filter(pk=upload_id).first()
    if upload is None:
        raise UploadNotFoundError
    return upload


def media_of(entity_type: str, entity_ids: Iterable[UUID]) -> dict[UUID, list[Attachment]]:
    """Return the attachments of each entity with their resources, in slot order, in one query."""
    attachments_by_entity: dict[UUID, list[Attachment]] = {
        entity_id: [] for entity_id in entity_ids
    }
    if attachments_by_entity:
        rows = Attachment.objects.for_entities(entity_type, attachments_by_entity)
        for attachment in rows.select_related("resource"):
            attachments_by_entity[attachment.entity_id].append(attachment)
    return attachments_by_entity


def attachment_as_json(attachment: Attachment) -> dict[str, Any]:
    """Return one attachment as the API returns it in an entity."""
    resource = attachment.resource
    return {
        "resource_id": resource.pk,
        "slot": attachment.slot,
        "position": attachment.position,
        "status": resource.status.lower(),
        "url": resource_url(resource),
        "thumbnail_url": thumbnail_url(resource),
        "failure": failures.as_json(resource.failure_code),
        "filename": resource.filename or None,
        "content_type": resource.content_type,
        "file_size": resource.file_size,
        "width": resource.width,
        "height": resource.height,
        "dominant_color": resource.dominant_color,
        "alt_text": resource.alt_text,
    }
