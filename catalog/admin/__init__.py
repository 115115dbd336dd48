from catalog.admin.entities import (
    GuidelineAdmin,
    LookAdmin,
    ProductAdmin,
    ProductionRequestAdmin,
    SubjectAdmin,
)
from catalog.admin.loras import LoraModelAdmin

__all__ = [
    "GuidelineAdmin",
    "LookAdmin",
    "LoraModelAdmin",
    "ProductAdmin",
    "ProductionRequestAdmin",
    "SubjectAdmin",
]
