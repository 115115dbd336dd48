"""Deletions that were given up and that staff retry."""

import pytest

from media.models import DeletionReason, ObjectDeletion
from media.services import deletions, failed_deletions
from media.storage.testing.memory import MemoryStore

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


@pytest.mark.covers("F22")
@pytest.mark.parametrize("is_queued_again", [True, False])
def test_retrying_one_failed_deletion_leaves_the_others_unchanged(
    memory: MemoryStore, *, is_queued_again: bool
) -> None:
    deletions.queue(["temp/one", "temp/other"], reason=DeletionReason.EXPIRED)
    rows = ObjectDeletion.objects.filter(key__startswith="temp/").order_by("key")
    rows.update(dead=True, attempts=8)
    selected_deletion, other_deletion = rows
    if is_queued_again:
        deletions.queue([selected_deletion.key], reason=DeletionReason.ORPHANED)
    before = ObjectDeletion.objects.filter(pk=other_deletion.pk).values().get()

    failed_deletions.retry_rows([selected_deletion.pk])

    assert ObjectDeletion.objects.filter(pk=other_deletion.pk).values().get() == before
    assert rows.get(dead=False).key == selected_deletion.key
