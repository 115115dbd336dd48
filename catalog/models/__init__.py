from catalog.models.entities import (
    CatalogEntity,
    Guideline,
    Look,
    Product,
    ProductionRequest,
    Subject,
    SubjectType,
)

__all__ = [
    "CatalogEntity",
    "Guideline",
    "Look",
    "Product",
    "ProductionRequest",
    "Subject",
    "SubjectType",
]
