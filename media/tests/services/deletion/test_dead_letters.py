import pytest

from media.models import DeletionReason, ObjectDeletion
from media.services import deletions, failed_deletions
from media.storage.testing.memory import MemoryStore

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


@pytest.mark.covers("F22")
@pytest.mark.parametrize("is_queued_again", [True, False])
def test_running_a_dead_letter_again_leaves_the_others_to_staff(
    memory: MemoryStore, *, is_queued_again: bool
) -> None:
    deletions.queue(["temp/one", "temp/other"], reason=DeletionReason.EXPIRED)
    own = ObjectDeletion.objects.filter(key__startswith="temp/").order_by("key")
    own.update(dead=True, attempts=8)
    letter, other = own
    if is_queued_again:
        deletions.queue([letter.key], reason=DeletionReason.ORPHANED)
    before = ObjectDeletion.objects.filter(pk=other.pk).values().get()

    failed_deletions.retry_rows([letter.pk])

    assert ObjectDeletion.objects.filter(pk=other.pk).values().get() == before
    assert own.get(dead=False).key == letter.key
