"""The kinds of entities and bodies to create them."""

from typing import Any

KINDS = ["products", "subjects", "looks", "guidelines", "production-requests"]


LABELS = {
    "products": "Product",
    "subjects": "Subject",
    "looks": "Look",
    "guidelines": "Guideline",
    "production-requests": "Production request",
}


DEFAULTS: dict[str, dict[str, Any]] = {
    "products": {
        "sku": None,
        "brand": "",
        "description": "",
        "gender": "",
        "materials": "",
        "color": "",
        "cover_image": None,
        "back_image": None,
        "images": [],
    },
    "subjects": {"slug": "one", "type": "REAL", "lora_trigger": "", "cover_image": None},
    "looks": {"products": [], "subject": None, "reference_images": []},
    "guidelines": {"images": []},
    "production-requests": {"looks": [], "guideline": None},
}


FULL_BODIES: dict[str, dict[str, Any]] = {
    "products": {
        "name": "Oxford shoe",
        "sku": "AW26-1",
        "brand": "Sartiq",
        "description": "Leather",
        "gender": "men",
        "materials": "Leather, rubber",
        "color": "black",
    },
    "subjects": {"name": "Ada", "slug": "ada-1", "type": "AI", "lora_trigger": "adaxyz"},
    "looks": {"name": "Autumn"},
    "guidelines": {"name": "White wall"},
    "production-requests": {"name": "Shoot 1"},
}
