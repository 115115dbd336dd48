"""The identity of an environment, which its database, processes and buckets must share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

UNMARKED: Final = "unmarked"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity of one environment. Markers of older versions contain only the name.

    A copy of the database has the same random id but another system identifier. The operator
    chooses the name.
    """

    environment: str
    database_id: str = ""
    system_identifier: str = ""

    def __str__(self) -> str:
        """Return the identity in the form an operator types to adopt a bucket."""
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
    """Return the identity in a marker, None when it is not a valid marker."""
    if not isinstance(marker, dict):
        return None
    names = ("environment", "database_id", "system_identifier")
    values = {name: marker.get(name, "") for name in names}
    if not all(isinstance(value, str) for value in values.values()) or not values["environment"]:
        return None
    return Identity(**values)


def differences(marker: Identity | None, own: Identity) -> Iterator[str]:
    """Yield a phrase for each value in which the marker differs from our identity."""
    if marker is None:
        yield "it has no environment marker"
        return
    pairs = {
        "ENVIRONMENT_NAME": (marker.environment, own.environment),
        "the id in the database": (marker.database_id, own.database_id),
        "PostgreSQL's system_identifier": (marker.system_identifier, own.system_identifier),
    }
    for name, (actual, expected) in pairs.items():
        if actual != expected:
            yield f"{name} is {expected} here and {actual or 'missing'} in the marker"
