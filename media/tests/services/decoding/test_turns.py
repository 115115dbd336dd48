"""Round robin over owners: the oldest file of each that fits into the free memory."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.models import User
from media.models import MediaResource, ResourceStatus
from media.rules.decode_costs import DecodeCost
from media.services import relocation
from media.services.decoding import memory_budget, turns
from media.storage import public_store
from media.storage.testing.memory import MemoryStore
from media.tests.factories import ingest, photo, upload_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_user() -> User:
    return User.objects.create_user(email="b@example.com", password="any-password-1")


@pytest.fixture
def photos(memory: MemoryStore, user: User, other_user: User) -> tuple[User, User]:
    """Give the first user eight waiting photos, then the second one."""
    ingest(user, [upload_file(memory, user, photo(number)) for number in range(8)])
    ingest(other_user, [upload_file(memory, other_user, photo(99))])
    return user, other_user


def ready_of(user: User) -> int:
    return MediaResource.objects.filter(user=user, status=ResourceStatus.READY).count()


def resize(rows: Any, side: int) -> None:
    MediaResource.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(
        width=side, height=side
    )


@pytest.mark.parametrize("start", ["00" * 16, "ff" * 16])
def test_a_backlog_delays_another_owner_by_one_turn(
    photos: tuple[User, User], start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_last_served", UUID(start))

    assert [relocation.relocate_next(public_store()) for _ in range(2)] == [1, 1]

    assert [ready_of(user) for user in photos] == [1, 1]


def test_each_row_is_relocated_once_whatever_the_number_of_messages(
    photos: tuple[User, User],
) -> None:
    taken = [relocation.relocate_next(public_store()) for _ in range(12)]

    assert taken == [1] * 9 + [0] * 3
    assert [ready_of(user) for user in photos] == [8, 1]
    assert set(MediaResource.objects.values_list("lease_fence", flat=True)) == {1}


def test_the_rows_of_one_owner_are_taken_oldest_first(
    photos: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = MediaResource.objects.filter(user=photos[0]).order_by("created_at")

    for number in range(1, 4):
        monkeypatch.setattr(turns, "_last_served", photos[1].pk)
        relocation.relocate_next(public_store())
        assert [row.status for row in rows.all()].count(ResourceStatus.READY) == number
        assert rows.all()[number - 1].status == ResourceStatus.READY


@pytest.fixture
def occupied_decoder(photos: tuple[User, User]) -> Iterator[None]:
    """Take the lock of the first user's slow files, as a process that decodes one."""
    cost = DecodeCost(memory=1, is_slow=True, is_largest=False)
    share = memory_budget.take(cost, owner=str(photos[0].pk))
    assert share is not None
    with share:
        yield


def test_small_files_run_while_a_slow_one_waits(
    photos: tuple[User, User], occupied_decoder: None
) -> None:
    rows = MediaResource.objects.filter(user=photos[0]).order_by("created_at")
    slow_row = rows[0]
    resize(rows.filter(pk=slow_row.pk), 6000)

    for _ in range(3):
        relocation.relocate_next(public_store())

    slow_row.refresh_from_db()
    assert (slow_row.status, slow_row.attempts) == (ResourceStatus.PENDING, 0)
    assert ready_of(photos[0]) == 2
    assert ready_of(photos[1]) == 1


def test_slow_files_of_one_owner_do_not_block_other_owners(
    photos: tuple[User, User], occupied_decoder: None
) -> None:
    resize(MediaResource.objects.filter(user=photos[0]), 6000)

    assert [relocation.relocate_next(public_store()) for _ in range(2)] == [1, 0]

    assert [ready_of(user) for user in photos] == [0, 1]


def test_a_turn_releases_its_memory(memory: MemoryStore, user: User) -> None:
    """Of the slow files of one owner only one is decoded at a time."""
    ingest(user, [upload_file(memory, user, photo(number)) for number in range(2)])
    resize(MediaResource.objects.all(), 6000)

    for _ in range(2):
        turn = turns.take()
        assert turn is not None
        with turn:
            assert turns.take() is None


def test_each_step_of_the_round_uses_the_index_of_turns(user: User) -> None:
    rows = [
        MediaResource(
            user=user,
            resource_type="IMAGE",
            storage_key=f"media/{number}",
            content_hash=f"{number:064}",
            etag="e",
            content_type="image/png",
            extension="png",
            file_size=1,
            status=ResourceStatus.PENDING if number < 20 else ResourceStatus.READY,
        )
        for number in range(4000)
    ]
    MediaResource.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE media_mediaresource")
    due = MediaResource.objects.due()

    plans = [
        due.annotate(owner=turns_owner()).filter(owner__gt=user.pk).order_by("owner").explain(),
        due.of_owner(user.pk).order_by("created_at")[:1].explain(),
        due.of_owner(user.pk).light().order_by("created_at")[:1].explain(),
    ]

    assert ["Seq Scan" in plan for plan in plans] == [False] * 3
    assert all("media_resource_" in plan for plan in plans)


def turns_owner() -> Any:
    from media.models.resource import OWNER  # noqa: PLC0415

    return OWNER
