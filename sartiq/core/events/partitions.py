"""The monthly partitions of the table of events: created ahead, dropped once they are old.

Requests succeed even if a partition is missing: its events go to the default partition, which is
emptied here (`docs/design/events.md`).

They are kept for `EVENT_RETENTION_DAYS` (sartiq/settings/environment.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import structlog
from django.db import OperationalError, connection, transaction
from psycopg import errors as pg
from psycopg import sql

log = structlog.get_logger(__name__)

TABLE: Final = "core_event"
DEFAULT: Final = "core_event_default"
FILLED: Final = "core_event_default_filled"  # the default partition while it is emptied
MONTHS_AHEAD: Final = 2
LOCK_TIMEOUT: Final = "500ms"  # writers wait behind a waiting lock
ADVISORY_LOCK: Final = 0x5A27_0E7E

CHILDREN = """
SELECT child.relname FROM pg_inherits
JOIN pg_class child ON child.oid = pg_inherits.inhrelid
WHERE pg_inherits.inhparent = %s::regclass
ORDER BY child.relname
"""
MONTHS_OF_FILLED = (
    "SELECT DISTINCT date_trunc('month', created_at)::date FROM core_event_default_filled"
)
INSERT_FILLED = """
INSERT INTO core_event SELECT * FROM core_event_default_filled WHERE created_at >= %s
"""


@dataclass(frozen=True, kw_only=True)
class Maintained:
    """What one run changed; `moved` is the number of events that were in the default partition."""

    created: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    moved: int = 0


def maintain(*, now: datetime, retention: timedelta) -> Maintained:
    """Create the next partitions, empty the default one and drop the old ones.

    A step that would have to wait for long-running transactions is left for the next run.
    """
    oldest = (now - retention).astimezone(UTC)
    # First, as a partition cannot be created while the default one holds its events.
    moved = _attempt(_empty_default, oldest) or 0
    created = _create_missing(_months(now.astimezone(UTC).date(), MONTHS_AHEAD + 1))
    dropped = tuple(name for name in names() if _is_older(name, oldest) and _attempt(_drop, name))
    report = Maintained(created=created, dropped=dropped, moved=moved)
    if moved:
        log.warning("events_without_partition", moved=moved)
    if report != Maintained():
        log.info("event_partitions_maintained", created=len(created), dropped=len(dropped))
    return report


def names() -> list[str]:
    """Return the names of the monthly partitions, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(CHILDREN, [TABLE])
        return [name for (name,) in cursor.fetchall() if name != DEFAULT]


def _create_missing(months: list[date]) -> tuple[str, ...]:
    existing = names()
    missing = [month for month in months if _name(month) not in existing]
    return tuple(_name(month) for month in missing if _attempt(_create, month))


def _create(month: date) -> bool:
    """Create the table of a month, then attach it, which does not block writers."""
    name, start, end = _name(month), *_bounds(month)
    _execute("CREATE TABLE {} (LIKE {} INCLUDING ALL)", name, TABLE)
    statement = "ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})"
    _execute(statement, TABLE, name, sql.Literal(start), sql.Literal(end))
    return True


def _empty_default(oldest: datetime) -> int:
    """Replace the default partition by an empty one, and insert its events again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM core_event_default)")
        if not cursor.fetchone()[0]:
            return 0
        _execute("ALTER TABLE {} DETACH PARTITION {}", TABLE, DEFAULT)
        _execute("ALTER TABLE {} RENAME TO {}", DEFAULT, FILLED)
        _execute("CREATE TABLE {} (LIKE {} INCLUDING ALL)", DEFAULT, TABLE)
        _execute("ALTER TABLE {} ATTACH PARTITION {} DEFAULT", TABLE, DEFAULT)
        cursor.execute(MONTHS_OF_FILLED)
        for (month,) in cursor.fetchall():
            if _name(month) not in names() and not _is_older(_name(month), oldest):
                _create(month)
        cursor.execute(INSERT_FILLED, [oldest])
        moved: int = cursor.rowcount
        _execute("DROP TABLE {}", FILLED)
    return moved


def _drop(name: str) -> bool:
    _execute("DROP TABLE {}", name)
    return True


def _attempt(step: Any, *arguments: Any) -> Any:
    """Run one step in a transaction, unless another process does or it would wait for long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            if not cursor.fetchone()[0]:
                return None
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            return step(*arguments)
    except OperationalError as error:
        if not isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
            raise
        log.info("event_partitions_busy", step=step.__name__)
        return None


def _execute(statement: str, *names_and_values: Any) -> None:
    parts = [sql.Identifier(part) if isinstance(part, str) else part for part in names_and_values]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*parts))


def _months(first: date, count: int) -> list[date]:
    month = first.replace(day=1)
    return [month, *_following(month, count - 1)]


def _following(month: date, count: int) -> Iterator[date]:
    for _ in range(count):
        month = (month + timedelta(days=31)).replace(day=1)
        yield month


def _name(month: date) -> str:
    return f"{TABLE}_{month:%Y_%m}"


def _bounds(month: date) -> tuple[datetime, datetime]:
    _, end = _months(month, 2)
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return start, datetime(end.year, end.month, 1, tzinfo=UTC)


def _is_older(name: str, oldest: datetime) -> bool:
    """Return whether a partition holds only events from before `oldest`."""
    month = datetime.strptime(name.removeprefix(f"{TABLE}_"), "%Y_%m").replace(tzinfo=UTC)
    return _bounds(month.date())[1] <= oldest
