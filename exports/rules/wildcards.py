"""The registry of wildcards for naming templates.

Their values come from `exports/services/export_selection.py`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

Value = str | int | date | None


@dataclass(frozen=True, kw_only=True)
class Wildcard:
    """One placeholder of naming templates; its values have the type of its example.

    `provided_by` names the entities that provide it; `export` is the run itself.
    """

    name: str
    description: str
    example: str | int | date
    provided_by: tuple[str, ...]

    @property
    def is_number(self) -> bool:
        """Return whether its values are numbers, which may be padded."""
        return isinstance(self.example, int)

    @property
    def is_date(self) -> bool:
        """Return whether its values are dates."""
        return isinstance(self.example, date)


_ALL: Final = (
    Wildcard(
        name="brand",
        description="Brand of the product",
        example="Sartiq",
        provided_by=("product",),
    ),
    Wildcard(
        name="product_sku",
        description="SKU of the product",
        example="AW26-1044",
        provided_by=("product",),
    ),
    Wildcard(
        name="product_name",
        description="Name of the product",
        example="Oxford shoe",
        provided_by=("product",),
    ),
    Wildcard(
        name="color",
        description="Colour of the product",
        example="black",
        provided_by=("product",),
    ),
    Wildcard(
        name="gender",
        description="Gender the product is made for",
        example="men",
        provided_by=("product",),
    ),
    Wildcard(
        name="shot_type",
        description="What the image shows of the product",
        example="front",
        provided_by=("product", "look"),
    ),
    Wildcard(
        name="look",
        description="Name of the look",
        example="Autumn city",
        provided_by=("look",),
    ),
    Wildcard(
        name="subject",
        description="Name of the subject wearing the look",
        example="Ada",
        provided_by=("look",),
    ),
    Wildcard(
        name="guideline",
        description="Name of the guideline",
        example="White wall",
        provided_by=("guideline", "production_request"),
    ),
    Wildcard(
        name="production_request",
        description="Name of the production request",
        example="Shoot 12",
        provided_by=("production_request",),
    ),
    Wildcard(
        name="version",
        description="Version of the image, from 1",
        example=1,
        provided_by=("export",),
    ),
    Wildcard(
        name="index",
        description="Position of the image in the export, from 1",
        example=7,
        provided_by=("export",),
    ),
    Wildcard(
        name="date",
        description="Date of the export (UTC)",
        example=date(2026, 1, 31),
        provided_by=("export",),
    ),
)
WILDCARDS: Final[dict[str, Wildcard]] = {wildcard.name: wildcard for wildcard in _ALL}
EXAMPLES: Final[dict[str, Value]] = {wildcard.name: wildcard.example for wildcard in _ALL}
