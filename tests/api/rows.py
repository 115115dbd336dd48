"""One row of the permission matrix, and the callers of the API."""

from dataclasses import dataclass, field
from typing import Any, Final

Statuses = tuple[int, ...]


def everyone(status: int) -> Statuses:
    """Everyone, with or without a token."""
    return (status,) * 8


def signed_in(status: int) -> Statuses:
    """Everyone with a valid token."""
    return (401, 401, *(status,) * 6)


def members(status: int, *, others: int, superuser: int | None = None) -> Statuses:
    """The organization's members of every role, and superusers."""
    superuser_status = status if superuser is None else superuser
    return (401, 401, others, status, status, status, others, superuser_status)


def managers(status: int, *, superuser: int | None = None) -> Statuses:
    """The organization's owners and admins, and superusers."""
    return (401, 401, 403, 403, status, status, 403, superuser or status)


def superusers(status: int) -> Statuses:
    """Superusers."""
    return (401, 401, *(403,) * 5, status)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request, and the status that each principal gets, in the order of PRINCIPALS."""

    route: str
    expected: Statuses
    ids: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: Any = None
    form: bool = False
    parts: dict[str, str] | None = None  # of a multipart form; `file` is a file

    @property
    def superuser_status(self) -> int:
        """The status that a superuser gets; superusers are the last of PRINCIPALS."""
        return self.expected[-1]

    def __str__(self) -> str:
        details = " ".join([*self.ids.values(), *(self.parts or {})])
        return f"{self.route}{self.query} {details}".strip()


V1: Final = "/api/v1"
NAMED: Final = {"name": "Named"}
ORGANIZATION: Final = {"org_id": "organization"}
NO_USER: Final = {"user_id": "missing"}
NO_ORGANIZATION: Final = {"org_id": "missing"}
