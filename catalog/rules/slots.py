"""The image fields (slots) of each kind of entity.

How many images a request may name is `MAX_REQUEST_IMAGES` in `media/rules/limits.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class EntityType(StrEnum):
    """The kinds of entities that own media, as stored in an attachment."""

    PRODUCT = "PRODUCT"
    SUBJECT = "SUBJECT"
    LOOK = "LOOK"
    GUIDELINE = "GUIDELINE"
    PRODUCTION_REQUEST = "PRODUCTION_REQUEST"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One image field: it holds one file, or an ordered list of files."""

    name: str
    shot_type: str  # used in the names of exported files
    holds_list: bool = False


SLOTS: Final[dict[EntityType, tuple[Slot, ...]]] = {
    EntityType.PRODUCT: (
        Slot(name="cover_image", shot_type="cover"),
        Slot(name="back_image", shot_type="back"),
        Slot(name="images", shot_type="image", holds_list=True),
    ),
    EntityType.SUBJECT: (Slot(name="cover_image", shot_type="cover"),),
    EntityType.LOOK: (Slot(name="reference_images", shot_type="reference", holds_list=True),),
    EntityType.GUIDELINE: (Slot(name="images", shot_type="image", holds_list=True),),
    EntityType.PRODUCTION_REQUEST: (),
}


def list_slots(entity_type: EntityType) -> frozenset[str]:
    """Return the names of the slots that hold a list."""
    return frozenset(slot.name for slot in SLOTS[entity_type] if slot.holds_list)
