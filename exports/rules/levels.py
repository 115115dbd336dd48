"""Who decides which configuration answers for an entity."""

from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """The places a configuration is looked for, nearest first."""

    DIRECT = "direct"
    GUIDELINE = "guideline"
    ORGANIZATION = "organization"
    USER = "user"
    SYSTEM = "system"


REASONS: Final = {
    Level.DIRECT: "It names this configuration itself.",
    Level.GUIDELINE: "It names none; its guideline names this one.",
    Level.ORGANIZATION: "None is named; this is its organization's first.",
    Level.USER: "None is named and no organization has one; this is its creator's first.",
    Level.SYSTEM: "None is named, and neither an organization nor its creator has one.",
}
