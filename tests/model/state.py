"""What the model knows, as plain values, from the requests of the users and their responses."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from media.storage import SignedPut

# The SHA-256 that may be in one position of a slot: more than one if a client replaced its file.
Allowed = frozenset[str]
Slots = dict[str, list[Allowed]]


@dataclass(kw_only=True)
class Ticket:
    """A presigned upload, and the last bytes its client has sent."""

    user: str
    scope: str
    url: str
    key: str
    put: SignedPut
    expires: timedelta
    content_type: str


@dataclass(kw_only=True)
class Product:
    """A product that a user has created, by its SKU."""

    user: str
    scope: str
    sku: str
    pk: str
    slots: Slots
    deleted_at: timedelta | None = None


@dataclass(kw_only=True)
class Job:
    """An accepted import or export."""

    table: str
    pk: str
    user: str
    scope: str
    skus: tuple[str, ...] = ()


@dataclass
class State:
    """The rows that must exist, according to the responses that users have received."""

    tickets: list[Ticket] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    unknown_keys: set[str] = field(default_factory=set)  # objects that belong to no row
    lost: set[str] = field(default_factory=set)  # resources whose object was lost or replaced
    event_counts: Counter[str] = field(default_factory=Counter)
    valid_types: dict[str, str] = field(default_factory=dict)  # of valid contents, by SHA-256
    names: int = 0

    def new_name(self, prefix: str) -> str:
        """Return a name that no other row has."""
        self.names += 1
        return f"{prefix}{self.names}"
