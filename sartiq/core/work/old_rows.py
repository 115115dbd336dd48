"""Deletion of rows past their retention period, in bounded batches."""

from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

BATCH_SIZE: Final = 1000  # rows of one transaction
MAX_BATCHES: Final = 100  # in one run; the next run continues


def delete_in_batches(
    rows: QuerySet[Any], *, batch_size: int = BATCH_SIZE, max_batches: int = MAX_BATCHES
) -> int:
    """Delete the rows in their order, skipping locked ones; return how many.

    The queryset must be ordered so that an index finds its first rows.
    """
    deleted = 0
    for _ in range(max_batches):
        batch = delete_batch(rows, size=batch_size)
        deleted += batch
        if batch < batch_size:
            break
    return deleted


def delete_batch(rows: QuerySet[Any], *, size: int = BATCH_SIZE) -> int:
    """Delete the first `size` rows that no other transaction has locked; return how many."""
    with transaction.atomic():
        locked = rows.select_for_update(skip_locked=True, of=("self",))
        ids = list(locked.values_list("pk", flat=True)[:size])
        # Of the base manager: a default one may hide rows.
        rows.model._base_manager.filter(pk__in=ids).delete()  # noqa: SLF001  Django's own API
    return len(ids)
