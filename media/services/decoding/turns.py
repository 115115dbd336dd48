"""Whose waiting file is next: owner after owner, so that no backlog delays another owner's photo.

A task is only a hint that something waits. The worker process that gets it goes through the owners
in the order of their ids from the one it served last, and takes the oldest row that there is memory
for. One step is one look into the index `media_resource_turns` (`docs/design/decoding.md`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self
from uuid import UUID, uuid4

from media.models import MediaResource
from media.models.resource import MediaResourceQuerySet
from media.rules.decode_costs import DecodeCost, cost_of
from media.services.decoding import memory_budget
from media.services.decoding.memory_budget import Share
from sartiq.core.work import leases
from sartiq.core.work.leases import Lease

MAX_OWNERS = 64  # looked at in one call
MAX_COLLISIONS = 3  # with another worker that took the same row first

_last_served = uuid4()  # a process starts anywhere, so that not all begin with the same owner


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Rows of one owner to work on now, 1 to 16, and the memory their decodes may take."""

    leases: list[Lease[MediaResource]]
    share: Share

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.share.close()


def take() -> Turn | None:
    """Return the next turn, or None when no row is due that there is room for."""
    global _last_served  # noqa: PLW0603  the round goes on from call to call
    for owner in _owners_after(_last_served):
        turn = _turn_of(owner)
        if turn is not None:
            _last_served = owner
            return turn
    return None


def is_waiting() -> bool:
    """Return whether any row is due that nobody works on."""
    return MediaResource.objects.due().exists()


def wait_for_room(resource: MediaResource) -> AbstractContextManager[Share]:
    """Wait for the memory to decode one resource, out of turn, and hold it for a block."""
    owner = resource.organization_id or resource.user_id
    return memory_budget.taken(_cost_of(resource), owner=str(owner))


def _owners_after(last: UUID) -> Iterator[UUID]:
    """Yield the owners with due rows, from the one after `last` round to `last` itself."""
    owner, is_second_half = last, False
    for _ in range(MAX_OWNERS):
        found = MediaResource.objects.due().next_owner(after=owner)
        if found is None and not is_second_half:
            is_second_half = True
            found = MediaResource.objects.due().next_owner(after=None)
        if found is None or (is_second_half and found > last):
            return
        owner = found
        yield owner


def _turn_of(owner: UUID) -> Turn | None:
    """Take the owner's oldest due row, or the oldest light one while that has no room."""
    due = MediaResource.objects.due().of_owner(owner)
    for _ in range(MAX_COLLISIONS):
        row, share = _first_with_room(due, owner)
        if row is None or share is None:
            return None
        lease = leases.take(MediaResource.objects.pending().filter(pk=row.pk))
        if lease is not None:
            return Turn(leases=[lease], share=share)
        share.close()
    return None


def _first_with_room(
    due: MediaResourceQuerySet, owner: UUID
) -> tuple[MediaResource | None, Share | None]:
    for rows in (due, due.light()):
        row = rows.order_by("created_at").first()
        if row is None:
            break
        share = memory_budget.take(_cost_of(row), owner=str(owner))
        if share is not None:
            return row, share
    return None, None


def _cost_of(row: MediaResource) -> DecodeCost:
    return cost_of(row.content_type, row.width, row.height)
