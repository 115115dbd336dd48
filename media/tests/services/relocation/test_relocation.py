"""Relocation with duplicate messages, lost leases, store failures and changed bytes."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from devstack.process.child import became_true
from media.models import (
    Attachment,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
)
from media.services import attachments, relocation
from media.services.decoding import decode
from media.storage import public_store
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.factories import (
    deliver,
    ingest,
    photo,
    ready_resource,
    upload_file,
)
from media.tests.services.relocation.relocating import pending_resource, record_operations, state_of
from sartiq.core.models import new_id
from sartiq.core.work import crash_points, leases
from sartiq.core.work.leases import LeaseLostError

pytestmark = pytest.mark.django_db


@pytest.mark.covers("F31")
@pytest.mark.django_db(transaction=True)
def test_a_decode_longer_than_the_lease_loses_nothing(
    memory: MemoryStore, user: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MIN_RENEWAL_SECONDS", 0.05)
    settings.LEASE_SECONDS = 3
    resource = pending_resource(memory, user)
    renewed: list[bool] = []

    def slow_decode(path: Path, content_type: str) -> decode.MediaProperties:
        lease_end = state_of(resource)["lease_expires_at"]
        renewed.append(
            became_true(lambda: state_of(resource)["lease_expires_at"] != lease_end, seconds=20)
        )
        return decode.inspect_file(path, content_type)

    monkeypatch.setattr(relocation, "inspect_file", slow_decode)
    relocation.relocate(public_store(), resource.pk)

    now = state_of(resource)
    assert renewed == [True]
    assert (now["status"], now["lease_fence"]) == (ResourceStatus.READY, 1)


# --- Duplicate messages ---------------------------------------------------------------------------
@pytest.mark.covers("F05", "I02")
@pytest.mark.parametrize("times", [2, 10])
def test_a_message_delivered_again_changes_nothing(
    memory: MemoryStore, user: User, times: int
) -> None:
    resource = ready_resource(memory, user)
    before, object_before = state_of(resource), memory.head(resource.storage_key)
    operations = record_operations(memory)

    for _ in range(times):
        relocation.relocate(public_store(), resource.pk)

    assert state_of(resource) == before
    assert operations == []
    memory.before = nothing
    assert set(memory.keys()) == resource.own_keys
    assert memory.head(resource.storage_key) == object_before


@pytest.mark.covers("F05", "F24")
def test_a_message_for_a_deleted_resource_is_ignored(memory: MemoryStore, user: User) -> None:
    relocation.relocate(public_store(), new_id())

    assert memory.keys() == []


@pytest.mark.covers("F24")
def test_an_entity_deleted_concurrently_leaves_a_resource_in_its_grace_period(
    memory: MemoryStore, user: User
) -> None:
    entity_id = new_id()
    (resource,) = ingest(user, [upload_file(memory, user)], entity_id=entity_id)

    def delete_entity(point: str) -> None:
        if point == "relocation-copied":
            with transaction.atomic():
                attachments.detach_entities(entity_type="PRODUCT", entity_ids=[entity_id])

    crash_points.install(delete_entity)
    try:
        relocation.relocate(public_store(), resource.pk)
    finally:
        crash_points.install(None)

    resource.refresh_from_db()
    assert resource.status == ResourceStatus.READY
    assert resource.unattached_at is not None
    assert not Attachment.objects.exists()


# --- Leases ---------------------------------------------------------------------------------------
@pytest.mark.covers("I15", "F02")
@pytest.mark.parametrize("step", ["started", "source-chosen", "copied", "head-read", "verified"])
def test_a_worker_that_lost_its_lease_changes_nothing(
    memory: MemoryStore, user: User, step: str
) -> None:
    resource = pending_resource(memory, user)
    calls: list[dict[str, object]] = []

    def take_over(point_reached: str) -> None:
        if point_reached == f"relocation-{step}" and not calls:
            calls.append({})
            MediaResource.objects.filter(pk=resource.pk).update(
                lease_expires_at=timezone.now() - timedelta(seconds=1)
            )
            relocation.relocate(public_store(), resource.pk)
            calls.append(state_of(resource))

    crash_points.install(take_over)
    try:
        relocation.relocate(public_store(), resource.pk)
    finally:
        crash_points.install(None)

    assert calls[1]["status"] == ResourceStatus.READY
    assert (calls[1]["lease_fence"], calls[1]["attempts"]) == (2, 2)
    assert state_of(resource) == calls[1]
    assert ObjectDeletion.objects.count() == 1


@pytest.mark.covers("I15")
def test_a_held_resource_is_left_to_its_holder(memory: MemoryStore, user: User) -> None:
    resource = pending_resource(memory, user)
    inner_states: list[dict[str, object]] = []

    def deliver_again(point_reached: str) -> None:
        if point_reached == "relocation-source-chosen":
            before = state_of(resource)
            relocation.relocate(public_store(), resource.pk)
            inner_states.append(before)
            assert state_of(resource) == before

    crash_points.install(deliver_again)
    try:
        relocation.relocate(public_store(), resource.pk)
    finally:
        crash_points.install(None)

    assert len(inner_states) == 1
    assert deliver(resource).status == ResourceStatus.READY


@pytest.mark.covers("F06", "I15")
def test_a_file_that_kills_workers_fails_after_five_attempts(
    memory: MemoryStore, user: User
) -> None:
    resources = pending_resource(memory, user, photo(1))
    healthy_resource = pending_resource(memory, user, photo(2))

    def die(point_reached: str) -> None:
        if point_reached == "relocation-head-read":
            raise KeyboardInterrupt  # as a killed worker: nothing is caught, nothing cleaned

    for attempt in range(1, 6):
        crash_points.install(die)
        try:
            with pytest.raises(KeyboardInterrupt):
                relocation.relocate(public_store(), resources.pk)
        finally:
            crash_points.install(None)
        row = state_of(resources)
        assert (row["attempts"], row["status"]) == (attempt, ResourceStatus.PENDING)
        MediaResource.objects.filter(pk=resources.pk).update(
            lease_expires_at=timezone.now() - timedelta(seconds=1)
        )
    operations = record_operations(memory)

    relocation.relocate(public_store(), resources.pk)

    row = state_of(resources)
    assert (row["status"], row["failure_code"]) == (ResourceStatus.FAILED, "attempts_exhausted")
    assert operations == []
    assert deliver(healthy_resource).status == ResourceStatus.READY


# --- Faults of the store --------------------------------------------------------------------------


def test_a_lost_lease_cannot_be_released(memory: MemoryStore, user: User) -> None:
    resource = pending_resource(memory, user)
    first = leases.take(MediaResource.objects.filter(pk=resource.pk))
    assert first is not None
    MediaResource.objects.filter(pk=resource.pk).update(
        lease_expires_at=timezone.now() - timedelta(seconds=1)
    )
    second = leases.take(MediaResource.objects.filter(pk=resource.pk))
    assert second is not None

    first.release()

    assert state_of(resource)["lease_holder"] == second.holder
    with pytest.raises(LeaseLostError):
        first.renew()
    with transaction.atomic(), pytest.raises(LeaseLostError):
        first.require_held()
    assert (first.fence, second.fence, second.attempts) == (1, 2, 2)
