"""How media look in the admin: thumbnails, sizes, links to what shows them."""

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html

from media.models import Attachment, MediaResource, ResourceStatus, ResourceType
from media.selectors import public_url
from sartiq.core.staff import NOTHING, anchor, model_holding, page_of

THUMBNAIL = "height:3rem;max-width:6rem;object-fit:cover;border-radius:4px"
PREVIEW = "max-height:24rem;max-width:100%;border-radius:6px"


def picture(*, key: str, alt: str | None, style: str = THUMBNAIL) -> str:
    """Return an image of ours; everything a user wrote is escaped."""
    return format_html(
        '<img src="{}" alt="{}" loading="lazy" style="{}">', public_url(key), alt or "", style
    )


def thumbnail(resource: MediaResource | None, *, style: str = THUMBNAIL) -> str:
    """Return a READY image's picture, for anything else a dash."""
    if resource is None or resource.status != ResourceStatus.READY:
        return NOTHING
    if resource.resource_type != ResourceType.IMAGE:
        return NOTHING
    return picture(key=resource.storage_key, alt=resource.alt_text, style=style)


def entity_link(attachment: Attachment) -> str:
    """Return a link to the entity that shows a resource, whichever app it belongs to."""
    kind = attachment.entity_type.replace("_", " ").capitalize()
    text = f"{kind} {attachment.entity_id}"
    model = model_holding("entity_type", attachment.entity_type)
    if model is None:
        return text
    return anchor(page_of(model, attachment.entity_id), text)


def readable_size(size: int | None) -> str:
    """Return a size people can read."""
    return NOTHING if size is None else filesizeformat(size)
