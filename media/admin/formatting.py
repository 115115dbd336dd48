"""Formatting of media in the admin: thumbnails, sizes and links."""

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html

from media.models import Attachment, MediaResource, ResourceStatus, ResourceType
from media.selectors import public_url, thumbnail_url
from sartiq.core.admin_base import EMPTY_VALUE, anchor, change_url, model_with_attribute

THUMBNAIL = "height:3rem;max-width:6rem;object-fit:cover;border-radius:4px"
PREVIEW = "max-height:24rem;max-width:100%;border-radius:6px"


def image_tag(*, url: str, alt: str | None, style: str = THUMBNAIL) -> str:
    """Return an `img` tag; user input is escaped."""
    return format_html('<img src="{}" alt="{}" loading="lazy" style="{}">', url, alt or "", style)


def thumbnail(resource: MediaResource | None) -> str:
    """Return the thumbnail of a READY image, a dash for anything else."""
    url = thumbnail_url(resource) if resource is not None else None
    return (
        EMPTY_VALUE
        if url is None or resource is None
        else image_tag(url=url, alt=resource.alt_text)
    )


def preview(resource: MediaResource) -> str:
    """Return the READY image itself, a dash for anything else."""
    is_image = resource.resource_type == ResourceType.IMAGE
    if not is_image or resource.status != ResourceStatus.READY:
        return EMPTY_VALUE
    return image_tag(url=public_url(resource.storage_key), alt=resource.alt_text, style=PREVIEW)


def entity_link(attachment: Attachment) -> str:
    """Return a link to the entity of an attachment, in any app."""
    kind = attachment.entity_type.replace("_", " ").capitalize()
    text = f"{kind} {attachment.entity_id}"
    model = model_with_attribute("entity_type", attachment.entity_type)
    if model is None:
        return text
    return anchor(change_url(model, attachment.entity_id), text)


def readable_size(size: int | None) -> str:
    """Return a human-readable size."""
    return EMPTY_VALUE if size is None else filesizeformat(size)
