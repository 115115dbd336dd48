"""The names by which a header may call each column, compared without case and punctuation."""

import re
from collections.abc import Mapping
from typing import Final

_NOT_WORDS: Final = re.compile(r"[\W_]+")

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "sku": (
        "variant sku",
        "product sku",
        "item sku",
        "article number",
        "item number",
        "product code",
        "artikelnummer",
    ),
    "name": ("title", "product name", "product title", "item name"),
    "brand": ("vendor", "manufacturer", "brand name"),
    "description": ("body html", "product description", "long description"),
    "gender": ("google shopping gender", "target gender", "sex"),
    "materials": ("material", "fabric", "composition", "material composition"),
    "color": ("colour", "farbe"),
    "cover_image": ("cover image url", "cover", "main image", "front image"),
    "back_image": ("back image url",),
    "images": (
        "image src",
        "image urls",
        "image url",
        "product image url",
        "product images",
        "additional images",
    ),
}
HANDLE_ALIASES: Final = ("handle", "url handle")  # a table with one is a Shopify export
IMAGE_POSITION_ALIASES: Final = ("image position",)  # of an image among those of its handle


def normalized_name(name: str) -> str:
    """Return a column's name without case and punctuation, for comparison."""
    return _NOT_WORDS.sub(" ", name).strip().casefold()
