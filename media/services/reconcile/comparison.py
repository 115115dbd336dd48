"""The comparison of one batch of the listing with the rows in the same range of keys."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from media import selectors
from media.models import MediaResource, ObjectDeletion, ResourceStatus
from media.rules import keys
from media.rules.failures import ObjectLoss
from media.services.cleanup.report import BATCH_SIZE
from media.storage import ObjectListing

PREFIX: Final = "media/"
_FIELDS: Final = (
    "pk",
    "status",
    "failure_code",
    "storage_key",
    "etag",
    "file_size",
    "content_type",
    "extension",
    "resource_type",
    "ready_at",
    "user_id",
    "organization_id",
    "content_hash",
    "deleted_at",
)


@dataclass(frozen=True, kw_only=True)
class Range:
    """The keys later than `after`, up to `until`; None is the end of the prefix."""

    after: str
    until: str | None

    def __contains__(self, key: str) -> bool:
        return self.after < key and (self.until is None or key <= self.until)


@dataclass(kw_only=True)
class Differences:
    """The differences in one batch: rows whose object differs, and objects that belong to no row.

    `suspects` are rows with the code of the difference, at most `max_suspects`; `further_losses`
    counts the others. `found_again` are live FAILED rows whose object is there again.
    """

    rows_before: datetime
    max_suspects: int
    rows: int = 0
    further_losses: Counter[ObjectLoss] = field(default_factory=Counter)
    suspects: list[tuple[MediaResource, ObjectLoss]] = field(default_factory=list)
    found_again: list[MediaResource] = field(default_factory=list)
    unknown: list[ObjectListing] = field(default_factory=list)

    def add_row(self, row: MediaResource, listing: ObjectListing | None) -> None:
        """Compare one row with its object in the listing, None if it is not there."""
        self.rows += 1
        if row.status == ResourceStatus.READY:
            loss = _loss(row, listing)
            if loss is not None and (row.ready_at is None or row.ready_at < self.rows_before):
                self._add_suspect(row, loss)
        elif _is_back(row, listing):
            self.found_again.append(row)

    def _add_suspect(self, row: MediaResource, loss: ObjectLoss) -> None:
        if len(self.suspects) < self.max_suspects:
            self.suspects.append((row, loss))
        else:
            self.further_losses[loss] += 1


def last_row_key(listings: Sequence[ObjectListing], *, default: str) -> str:
    """Return the last key that can belong to a row: other keys are no bound for rows."""
    named = (row.key for row in reversed(listings) if keys.resource_id_of(row.key))
    return next(named, default)


def compare(
    listings: Sequence[ObjectListing],
    rows_in: Range | None,
    *,
    rows_before: datetime,
    max_suspects: int,
) -> Differences:
    """Compare a part of the listing with the rows whose canonical keys are in a range, if any.

    Rows that became READY since `rows_before` are not suspected.
    """
    differences = Differences(rows_before=rows_before, max_suspects=max_suspects)
    listing_by_key = {listing.key: listing for listing in listings}
    keys_of_rows: set[str] = set()
    for row in _rows(rows_in) if rows_in else ():
        keys_of_rows |= row.own_keys
        key = keys.canonical_key(row.pk, row.extension)
        if rows_in and key in rows_in:
            differences.add_row(row, listing_by_key.get(key))
    others = [key for key in listing_by_key if key not in keys_of_rows]
    if others:
        known = known_keys(others)
        differences.unknown = [listing_by_key[key] for key in others if key not in known]
    return differences


def _rows(rows_in: Range) -> Iterator[MediaResource]:
    """Yield the resources with ids in the range, in batches, in the order of their keys."""
    first, last = keys.resource_id_of(rows_in.after), keys.resource_id_of(rows_in.until or "")
    rows = MediaResource.with_deleted.order_by("pk").only(*_FIELDS)
    rows = rows if first is None else rows.filter(pk__gte=first)
    rows = rows if last is None else rows.filter(pk__lte=last)
    after: UUID | None = None
    while batch := list((rows.filter(pk__gt=after) if after else rows)[:BATCH_SIZE]):
        yield from batch
        after = batch[-1].pk
        if len(batch) < BATCH_SIZE:
            return


def _loss(row: MediaResource, listing: ObjectListing | None) -> ObjectLoss | None:
    if listing is None:
        return ObjectLoss.MISSING
    is_equal = (listing.size, listing.etag) == (row.file_size, row.etag)
    return None if is_equal else ObjectLoss.CHANGED


def _is_back(row: MediaResource, listing: ObjectListing | None) -> bool:
    was_missing = row.failure_code == ObjectLoss.MISSING and row.deleted_at is None
    return was_missing and listing is not None and listing.size == row.file_size


def has_ready_row() -> bool:
    """Return whether any resource is READY; reads the rows in batches up to the first one."""
    rows = _rows(Range(after="", until=None))
    return any(row.status == ResourceStatus.READY for row in rows)


def known_keys(object_keys: Collection[str]) -> set[str]:
    """Return the keys to which a row refers, or whose deletion is queued or given up."""
    queued = ObjectDeletion.objects.filter(key__among=object_keys).values_list("key", flat=True)
    return selectors.keys_of_resources(object_keys) | set(queued)
