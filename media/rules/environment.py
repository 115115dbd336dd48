"""Whose bucket it is: three values that a database, a process and two buckets must agree on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

UNMARKED: Final = "unmarked"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One environment. A marker of an older version has the name only.

    The random id travels with a copy of the database, the system identifier does not, and the name
    is what the operator says.
    """

    environment: str
    database_id: str = ""
    system_identifier: str = ""

    def __str__(self) -> str:
        """Return what an operator types to adopt a bucket."""
        values = (self.environment, self.database_id, self.system_identifier)
        return "/".join(value for value in values if value)

    @property
    def is_complete(self) -> bool:
        """Whether all three values are known."""
        return bool(self.environment and self.database_id and self.system_identifier)

    def as_json(self) -> dict[str, str]:
        """Return the content of a marker."""
        return {
            "environment": self.environment,
            "database_id": self.database_id,
            "system_identifier": self.system_identifier,
        }


def identity_from_json(marker: Any) -> Identity | None:
    """Return the identity a marker names, None when it is no marker."""
    if not isinstance(marker, dict):
        return None
    names = ("environment", "database_id", "system_identifier")
    values = {name: marker.get(name, "") for name in names}
    if not all(isinstance(value, str) for value in values.values()) or not values["environment"]:
        return None
    return Identity(**values)


def differences(marker: Identity | None, own: Identity) -> Iterator[str]:
    """Yield one phrase for each of the three values in which a marker is not ours."""
    if marker is None:
        yield "it has no environment marker"
        return
    pairs = {
        "ENVIRONMENT_NAME": (marker.environment, own.environment),
        "the id in the database": (marker.database_id, own.database_id),
        "PostgreSQL's system_identifier": (marker.system_identifier, own.system_identifier),
    }
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            yield f"{name} is {ours} here and {theirs or 'missing'} in the marker"
