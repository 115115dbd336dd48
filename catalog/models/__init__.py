from catalog.models.entities import (
    CatalogEntity,
    ConfiguredEntity,
    Guideline,
    Look,
    Product,
    ProductionRequest,
    Subject,
    SubjectType,
)
from catalog.models.lora import LoraModel, Verdict

__all__ = [
    "CatalogEntity",
    "ConfiguredEntity",
    "Guideline",
    "Look",
    "LoraModel",
    "Product",
    "ProductionRequest",
    "Subject",
    "SubjectType",
    "Verdict",
]
