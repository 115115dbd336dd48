"""Recording of events, in the transaction that causes them."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.db.models import Model

from sartiq.core import statements
from sartiq.core.events import context
from sartiq.core.events.actions import object_type_of, require_registered
from sartiq.core.logs import hidden
from sartiq.core.models import Event

INSERT_BATCH_SIZE: Final = 5000  # rows; PostgreSQL takes 65,535 values in one statement
MAX_LISTED: Final = 50  # names in one list of the details


def record(action: str, row: Model | None = None, /, **details: Any) -> None:
    """Record that something happened to `row`, in the caller's transaction.

    Without a row the event is about no single object. `details` are small facts: names of fields,
    counts and codes, never values, URLs or secrets.
    """
    _insert(action, [row], details)


def record_each(action: str, rows: Iterable[Model], /, **details: Any) -> None:
    """Record that the same happened to each row, with one statement for up to 5,000."""
    _insert(action, list(rows), details)


def _insert(action: str, rows: list[Any], details: dict[str, Any]) -> None:
    """Insert the events; rows may be unsaved or deleted, as only their ids are read."""
    if not rows:
        return
    known, cause = require_registered(action), context.current()
    safe_details = {name: _safe(value) for name, value in details.items() if value is not None}
    events = [_event(known, row, cause, safe_details) for row in rows]
    if len(events) == 1:
        statements.insert(events[0])
    else:
        Event.objects.bulk_create(events, batch_size=INSERT_BATCH_SIZE)


def _event(action: str, row: Any, cause: context.Cause, details: dict[str, Any]) -> Event:
    user_id, organization_id = _owner_of(row)
    return Event(
        action=action,
        object_type=object_type_of(action),
        object_id=row.pk if row is not None and isinstance(row.pk, UUID) else None,
        user_id=user_id,
        organization_id=organization_id,
        actor_kind=cause.actor_kind,
        actor_id=cause.actor_id,
        source=cause.source,
        source_id=cause.source_id,
        ip=cause.ip,
        details=details,
    )


def _owner_of(row: Any) -> tuple[UUID | None, UUID | None]:
    """Return the ids of the user and the organization that own a row."""
    owner = getattr(row, "event_owner", None)
    if owner is not None:
        user_id, organization_id = owner
        return user_id, organization_id
    return getattr(row, "user_id", None), getattr(row, "organization_id", None)


def _safe(value: Any) -> Any:
    """Return a value as JSON, with secrets hidden and long lists cut."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        listed = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_safe(item) for item in list(listed)[:MAX_LISTED]]
    return hidden(str(value))
