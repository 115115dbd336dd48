"""Round robin over owners, so that no backlog delays the files of another owner.

A task only wakes a worker. The worker goes through the owners by id, starting after the last one it
served, and takes the oldest row that fits into the free memory. Each step is
one lookup in the index `media_resource_turns` (`docs/design/decoding.md`).
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

MAX_OWNERS = 64  # per call
MAX_COLLISIONS = 3  # with other workers that took the same row first

_last_served = uuid4()  # a random start, so that processes begin with different owners


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Leased rows of one owner, and the memory share for decoding them."""

    leases: list[Lease[MediaResource]]
    share: Share

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.share.close()


def take() -> Turn | None:
    """Return the next turn, or None when no due row fits into the free memory."""
    global _last_served  # noqa: PLW0603  the round continues from call to call
    for owner in _owners_after(_last_served):
        turn = _turn_for(owner)
        if turn is not None:
            _last_served = owner
            return turn
    return None


def is_waiting() -> bool:
    """Return whether any row is due that no worker holds."""
    return bool(MediaResource.objects.due().exists())


def wait_for_memory(resource: MediaResource) -> AbstractContextManager[Share]:
    """Wait for the memory to decode one resource, out of turn, and hold it inside the block."""
    owner = resource.organization_id or resource.user_id
    return memory_budget.wait_for_share(_cost_of(resource), owner=str(owner))


def _owners_after(last: UUID) -> Iterator[UUID]:
    """Yield the owners with due rows, starting after `last` and ending with `last` itself."""
    owner, wrapped_around = last, False
    for _ in range(MAX_OWNERS):
        following = MediaResource.objects.due().next_owner(after=owner)
        if following is None and not wrapped_around:
            wrapped_around = True
            following = MediaResource.objects.due().next_owner(after=None)
        if following is None or (wrapped_around and following > last):
            return
        owner = following
        yield owner


def _turn_for(owner: UUID) -> Turn | None:
    """Lease the oldest due row of the owner, or the oldest light one if that one does not fit."""
    due = MediaResource.objects.due().of_owner(owner)
    for _ in range(MAX_COLLISIONS):
        row, share = _first_that_fits(due, owner)
        if row is None or share is None:
            return None
        lease = leases.take(MediaResource.objects.pending().filter(pk=row.pk))
        if lease is not None:
            return Turn(leases=[lease], share=share)
        share.close()
    return None


def _first_that_fits(
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
