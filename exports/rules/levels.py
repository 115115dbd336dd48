"""The levels at which the configuration of an entity is looked up."""

from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """The levels, most specific first."""

    DIRECT = "direct"
    GUIDELINE = "guideline"
    ORGANIZATION = "organization"
    USER = "user"
    SYSTEM = "system"


REASONS: Final = {
    Level.DIRECT: "It is linked to this configuration.",
    Level.GUIDELINE: "It has no configuration of its own; its guideline is linked to this one.",
    Level.ORGANIZATION: (
        "It has no configuration of its own; this is the oldest of its organization."
    ),
    Level.USER: (
        "It has no configuration of its own or of an organization; this is the oldest of its "
        "creator."
    ),
    Level.SYSTEM: "It has no configuration of its own, of an organization or of its creator.",
}
