"""Relocation under duplicates, lost leases, faults of the store and bytes that change."""

import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import User
from devstack.process.child import became_true
from media.errors import StoreCredentialsError, StoreRefusedError, StoreUnavailableError
from media.models import (
    Attachment,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
)
from media.rules.failures import sentence_for
from media.services import attachments, relocation, resources
from media.services.decoding import decode
from media.storage import public_store
from media.storage.testing.memory import Hook, MemoryStore, nothing
from media.tests.factories import (
    deliver,
    drain,
    ingest,
    key_of,
    originals,
    photo,
    ready,
    upload_file,
)
from sartiq.core.errors import NotPermittedError
from sartiq.core.models import new_id
from sartiq.core.work import crash_points, leases
from sartiq.core.work.leases import LeaseLostError
from sartiq.core.work.runner import MAX_OUTAGE

pytestmark = pytest.mark.django_db


def failing(operation: str, error: type[Exception], *, times: int = 10**6) -> Hook:
    """Return a hook that fails the first calls of one operation."""
    remaining = [times]

    def hook(called: str, key: str) -> None:
        if called == operation and remaining[0]:
            remaining[0] -= 1
            raise error

    return hook


def record_operations(memory: MemoryStore) -> list[str]:
    """Return the names of the operations the store does from now on."""
    called: list[str] = []

    def note(operation: str, key: str) -> None:
        called.append(operation)

    memory.before = note
    return called


def pending(memory: MemoryStore, user: User, body: bytes | None = None) -> MediaResource:
    (resource,) = ingest(user, [upload_file(memory, user, body)])
    return resource


def state_of(resource: MediaResource) -> dict[str, object]:
    return dict(MediaResource.objects.filter(pk=resource.pk).values().get())


@pytest.mark.covers("F31")
@pytest.mark.django_db(transaction=True)
def test_a_decode_longer_than_the_lease_loses_nothing(
    memory: MemoryStore, user: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MIN_RENEWAL_SECONDS", 0.05)
    settings.LEASE_SECONDS = 3
    resource = pending(memory, user)
    renewed: list[bool] = []

    def slow(path: Path, content_type: str) -> decode.Decoded:
        ends = state_of(resource)["lease_expires_at"]
        renewed.append(
            became_true(lambda: state_of(resource)["lease_expires_at"] != ends, seconds=20)
        )
        return decode.inspect_file(path, content_type)

    monkeypatch.setattr(relocation, "inspect_file", slow)
    relocation.relocate(public_store(), resource.pk)

    now = state_of(resource)
    assert renewed == [True]
    assert (now["status"], now["lease_fence"]) == (ResourceStatus.READY, 1)


# --- Delivered again ------------------------------------------------------------------------------
@pytest.mark.covers("F05", "I02")
@pytest.mark.parametrize("times", [2, 10])
def test_a_message_delivered_again_changes_nothing(
    memory: MemoryStore, user: User, times: int
) -> None:
    resource = ready(memory, user)
    before, object_before = state_of(resource), memory.head(resource.storage_key)
    called = record_operations(memory)

    for _ in range(times):
        relocation.relocate(public_store(), resource.pk)

    assert state_of(resource) == before
    assert called == []
    memory.before = nothing
    assert set(memory.keys()) == resource.own_keys
    assert memory.head(resource.storage_key) == object_before


@pytest.mark.covers("F05", "F24")
def test_a_message_for_a_resource_that_is_gone_is_no_failure(
    memory: MemoryStore, user: User
) -> None:
    relocation.relocate(public_store(), new_id())

    assert memory.keys() == []


@pytest.mark.covers("F24")
def test_an_entity_deleted_meanwhile_leaves_a_resource_in_its_grace(
    memory: MemoryStore, user: User
) -> None:
    entity_id = new_id()
    (resource,) = ingest(user, [upload_file(memory, user)], entity_id=entity_id)

    def delete_entity(point: str) -> None:
        if point == "relocation-copied":
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
def test_a_worker_that_lost_its_lease_changes_nothing_any_more(
    memory: MemoryStore, user: User, step: str
) -> None:
    resource = pending(memory, user)
    calls: list[dict[str, object]] = []

    def take_over(reached: str) -> None:
        if reached == f"relocation-{step}" and not calls:
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
    resource = pending(memory, user)
    inner: list[dict[str, object]] = []

    def deliver_again(reached: str) -> None:
        if reached == "relocation-source-chosen":
            before = state_of(resource)
            relocation.relocate(public_store(), resource.pk)
            inner.append(before)
            assert state_of(resource) == before

    crash_points.install(deliver_again)
    try:
        relocation.relocate(public_store(), resource.pk)
    finally:
        crash_points.install(None)

    assert len(inner) == 1
    assert deliver(resource).status == ResourceStatus.READY


@pytest.mark.covers("F06", "I15")
def test_a_poisonous_file_is_given_up_after_five_attempts(memory: MemoryStore, user: User) -> None:
    resources, healthy = pending(memory, user, photo(1)), pending(memory, user, photo(2))

    def die(reached: str) -> None:
        if reached == "relocation-head-read":
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
    called = record_operations(memory)

    relocation.relocate(public_store(), resources.pk)

    row = state_of(resources)
    assert (row["status"], row["failure_code"]) == (ResourceStatus.FAILED, "attempts_exhausted")
    assert called == []
    assert deliver(healthy).status == ResourceStatus.READY


# --- Faults of the store --------------------------------------------------------------------------
@pytest.mark.covers("F14")
@pytest.mark.parametrize("operation", ["copy", "head", "open"])
def test_a_store_that_fails_is_tried_again_after_growing_delays(
    memory: MemoryStore, user: User, operation: str
) -> None:
    resource = pending(memory, user)
    memory.before = failing(operation, StoreUnavailableError)
    delays = []

    for lasted in (0, 10, 60, 180, 3600):
        since = timezone.now() - timedelta(seconds=lasted)
        MediaResource.objects.filter(pk=resource.pk).update(run_after=None, unavailable_since=since)
        relocation.relocate(public_store(), resource.pk)
        row = state_of(resource)
        assert (row["status"], row["lease_holder"]) == (ResourceStatus.PENDING, None)
        run_after = row["run_after"]
        assert isinstance(run_after, datetime)
        delays.append((run_after - timezone.now()).total_seconds())

    assert [round(delay / 5) * 5 for delay in delays] == [0, 10, 60, 180, 300]
    assert state_of(resource)["attempts"] == 0


def test_a_resource_that_is_not_due_is_left_alone(memory: MemoryStore, user: User) -> None:
    resource = pending(memory, user)
    memory.before = failing("copy", StoreUnavailableError, times=1)
    relocation.relocate(public_store(), resource.pk)
    before = state_of(resource)

    relocation.relocate(public_store(), resource.pk)

    assert state_of(resource) == before


@pytest.mark.covers("F14", "L01")
def test_after_a_day_without_the_store_it_can_be_healed(
    memory: MemoryStore, user: User, superuser: User
) -> None:
    resource = pending(memory, user)
    memory.before = failing("copy", StoreUnavailableError)
    for _ in range(6):
        deliver(resource, times=1)
    assert state_of(resource)["status"] == ResourceStatus.PENDING
    MediaResource.objects.update(run_after=None, unavailable_since=Now() - MAX_OUTAGE)
    deliver(resource, times=1)
    row = state_of(resource)
    assert (row["status"], row["failure_code"]) == (ResourceStatus.FAILED, "store_unavailable")
    memory.before = nothing

    with pytest.raises(NotPermittedError):
        resources.heal(user=user)
    assert resources.heal(user=superuser) == 1

    assert deliver(resource).status == ResourceStatus.READY
    drain()
    assert set(memory.keys()) == resource.own_keys
    assert not ObjectDeletion.objects.exists()


@pytest.mark.covers("F19")
@pytest.mark.parametrize("error", [StoreRefusedError, StoreCredentialsError])
def test_rotated_credentials_give_up_no_file(
    memory: MemoryStore, user: User, error: type[StoreUnavailableError]
) -> None:
    resource = pending(memory, user)
    memory.before = failing("copy", error)

    for _ in range(12):
        deliver(resource, times=1)

    row = state_of(resource)
    assert (row["status"], row["attempts"]) == (ResourceStatus.PENDING, 0)
    assert not ObjectDeletion.objects.exists()
    memory.before = nothing
    assert deliver(resource).status == ResourceStatus.READY


@pytest.mark.covers("F16", "F17")
@pytest.mark.parametrize("operation", ["copy", "head", "open"])
def test_a_lost_answer_is_counted_once(memory: MemoryStore, user: User, operation: str) -> None:
    resource = pending(memory, user)
    memory.after = failing(operation, StoreUnavailableError, times=1)

    deliver(resource, times=1)
    delivered = deliver(resource, times=1)

    assert (delivered.status, delivered.attempts) == (ResourceStatus.READY, 1)
    drain()
    assert set(memory.keys()) == delivered.own_keys
    assert memory.body(delivered.storage_key) == photo()


@pytest.mark.covers("F18")
def test_a_source_that_is_gone_fails_unless_its_copy_was_made(
    memory: MemoryStore, user: User
) -> None:
    lost, copied = pending(memory, user, photo(1)), pending(memory, user, photo(2))
    memory.after = failing("copy", StoreUnavailableError, times=1)
    deliver(copied, times=1)
    memory.delete_many([lost.storage_key, copied.storage_key])

    with capture_logs() as logs:
        assert deliver(lost).failure_code == "source_missing"
    (line,) = [entry for entry in logs if entry["event"] == "resource_failed"]
    assert (line["code"], line["message"]) == ("source_missing", sentence_for("source_missing"))
    assert deliver(copied).status == ResourceStatus.READY


@pytest.mark.covers("T31", "F06")
def test_a_file_only_a_decode_finds_out_fails_with_its_reason(
    memory: MemoryStore, user: User
) -> None:
    whole = photo(1, size=(64, 64))
    at = whole.index(b"IDAT")
    length = int.from_bytes(whole[at - 4 : at], "big")
    body = bytearray(whole)
    body[at + 10 : at + 14] = b"\xff\xff\xff\xff"
    body[at + 4 + length : at + 8 + length] = struct.pack(
        ">I", zlib.crc32(bytes(body[at : at + 4 + length]))
    )
    resource = pending(memory, user, bytes(body))

    delivered = deliver(resource)

    assert (delivered.status, delivered.failure_code) == (
        ResourceStatus.FAILED,
        "image_undecodable",
    )
    drain()
    assert originals(memory) == [key_of(resource.storage_key)]


def test_a_lost_lease_cannot_be_released(memory: MemoryStore, user: User) -> None:
    resource = pending(memory, user)
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
    with pytest.raises(LeaseLostError):
        first.require_held()
    assert (first.fence, second.fence, second.attempts) == (1, 2, 2)
