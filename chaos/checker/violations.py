"""What a check reports."""

from dataclasses import dataclass
from enum import StrEnum


class Problem(StrEnum):
    """What is wrong: an acknowledged thing is gone, is there twice, or something remains."""

    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    LEFT_OVER = "left over"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Violation:
    """One promise that was not kept."""

    problem: Problem
    text: str


def lost(text: str) -> Violation:
    """Return the violation that something acknowledged is gone, or is not as it was promised."""
    return Violation(Problem.LOST, text)


def doubled(text: str) -> Violation:
    """Return the violation that something is there in addition."""
    return Violation(Problem.DOUBLED, text)
