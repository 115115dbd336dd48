"""Helpers for tests of images: what products have, and what imports reported."""

from django.conf import settings as django_settings

from accounts.models import User
from bulkupload.models import BulkUploadRowError
from catalog.models import Product
from media.models import Attachment, MediaResource
from media.rules import keys
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, upload_file, upload_of


def image_hashes_of(sku: str) -> dict[str, list[str]]:
    """Return the short hashes of a product's images, by slot, in order."""
    product = Product.objects.get(sku=sku)
    attachments = Attachment.objects.for_entities("PRODUCT", [product.pk])
    hashes: dict[str, list[str]] = {}
    for attachment in attachments.select_related("resource"):
        hashes.setdefault(attachment.slot, []).append(attachment.resource.content_hash[:8])
    return hashes


def hashes_of(*urls: str) -> list[str]:
    """Return the short hashes of uploads that became resources."""
    resources = (upload_of(url).resource for url in urls)
    return [resource.content_hash[:8] for resource in resources if resource is not None]


def canonical_url(resource: MediaResource) -> str:
    """Return the permanent URL of a resource."""
    return f"{django_settings.CDN_URL}/{keys.canonical_key(resource.pk, resource.extension)}"


def warnings() -> list[tuple[int, str, str, str]]:
    """Return line, column, code and value of all warnings."""
    rows = BulkUploadRowError.objects.filter(severity="WARNING").order_by("row", "position")
    return list(rows.values_list("line", "column", "code", "value"))


def warning_codes() -> list[tuple[int, str]]:
    """Return line and code of all warnings."""
    return [(line, code) for line, _, code, _ in warnings()]


def attachment_count(sku: str) -> int:
    """Return how many images a product has."""
    return sum(map(len, image_hashes_of(sku).values()))


def upload_three_images(public: MemoryStore, user: User) -> tuple[str, str, str]:
    one, two, three = (upload_file(public, user, photo(number)) for number in (1, 2, 3))
    return one, two, three
