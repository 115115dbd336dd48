"""What products show, and the pictures that tests send."""

from django.conf import settings as values

from accounts.models import User
from bulkupload.models import (
    BulkUploadRowError,
)
from catalog.models import Product
from media.models import Attachment, MediaResource
from media.rules import keys
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, upload_file, upload_of


def shown(sku: str) -> dict[str, list[str]]:
    """Return the contents that a product shows, by slot, in order."""
    product = Product.objects.get(sku=sku)
    found: dict[str, list[str]] = {}
    for each in Attachment.objects.for_entities("PRODUCT", [product.pk]).select_related("resource"):
        found.setdefault(each.slot, []).append(each.resource.content_hash[:8])
    return found


def content(*urls: str) -> list[str]:
    """Return the contents of uploads that were taken in."""
    hashes = (upload_of(url).resource for url in urls)
    return [found.content_hash[:8] for found in hashes if found is not None]


def canonical(resource: MediaResource) -> str:
    return f"{values.CDN_URL}/{keys.canonical_key(resource.pk, resource.extension)}"


def warnings() -> list[tuple[int, str, str, str]]:
    rows = BulkUploadRowError.objects.filter(severity="WARNING").order_by("row", "position")
    return list(rows.values_list("line", "column", "code", "value"))


def three(public: MemoryStore, user: User) -> tuple[str, str, str]:
    one, two, other = (upload_file(public, user, photo(number)) for number in (1, 2, 3))
    return one, two, other
