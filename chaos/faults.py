"""The schedule of faults: which one begins when, and how long it lasts, from a seed.

What a fault of the store does is in `StoreFault` (chaos/store_proxy.py), the others are caused by
chaos/injection.py.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chaos.store_proxy import StoreFault

ROUND_SECONDS: Final = 120.0  # in which each kind of fault occurs once
MAX_SHARE: Final = 0.6  # of a fault in its part of the round, so that there is a pause after it


class Target(StrEnum):
    """What a fault affects; faults of different targets overlap, those of one target do not."""

    PROCESSES = "processes"
    BROKER = "broker"
    DATABASE = "database"
    STORE = "store"


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `seconds` are the shortest and the longest time it lasts."""

    name: str
    target: Target
    seconds: tuple[float, float] = (0.0, 0.0)


WORKER_KILLED: Final = Kind("worker killed", Target.PROCESSES)
WORKER_PROCESS_KILLED: Final = Kind("one process of the worker killed", Target.PROCESSES)
WORKER_STOPPED: Final = Kind("worker stopped", Target.PROCESSES, (5.0, 5.0))  # killed at the end
WEB_KILLED: Final = Kind("web server killed", Target.PROCESSES)
WEB_PROCESS_KILLED: Final = Kind("one process of the web server killed", Target.PROCESSES)
BEAT_KILLED: Final = Kind("beat killed", Target.PROCESSES)
BROKER_HUNG: Final = Kind("broker hung", Target.BROKER, (3.0, 12.0))
BROKER_EMPTIED: Final = Kind("broker restarted empty", Target.BROKER)
DATABASE_HUNG: Final = Kind("PostgreSQL hung", Target.DATABASE, (3.0, 8.0))
DATABASE_RESTARTED: Final = Kind("PostgreSQL restarted", Target.DATABASE)
STORE_FAULTS: Final = {
    Kind(f"store {fault.replace('-', ' ')}", Target.STORE, (3.0, 7.0)): fault
    for fault in StoreFault
}
KINDS: Final = (
    WORKER_KILLED,
    WORKER_PROCESS_KILLED,
    WORKER_STOPPED,
    WEB_KILLED,
    WEB_PROCESS_KILLED,
    BEAT_KILLED,
    BROKER_HUNG,
    BROKER_EMPTIED,
    DATABASE_HUNG,
    DATABASE_RESTARTED,
    *STORE_FAULTS,
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault, `at` seconds after the start."""

    at: float
    kind: Kind
    seconds: float

    @property
    def until(self) -> float:
        """When it ends, in seconds after the start."""
        return self.at + self.seconds


def schedule(*, seed: int, seconds: float) -> list[Fault]:
    """Return faults for this time, in the order they begin: each kind once in two minutes."""
    source = random.Random(seed)  # noqa: S311  no secret
    rounds = max(1, round(seconds / ROUND_SECONDS))
    faults: list[Fault] = []
    for target in Target:
        kinds = [kind for kind in KINDS if kind.target is target]
        for number in range(rounds):
            begin, length = number * seconds / rounds, seconds / rounds
            faults += _one_round(source, kinds, begin=begin, length=length)
    return sorted(faults, key=lambda fault: fault.at)


def _one_round(
    source: random.Random, kinds: Sequence[Kind], *, begin: float, length: float
) -> Iterator[Fault]:
    """Yield each kind once, in a random order, at random times in equal parts of the round."""
    part = length / len(kinds)
    for number, kind in enumerate(source.sample(kinds, len(kinds))):
        seconds = min(source.uniform(*kind.seconds), part * MAX_SHARE)
        at = begin + number * part + source.uniform(0, part * (1 - MAX_SHARE))
        yield Fault(at=at, kind=kind, seconds=seconds)
