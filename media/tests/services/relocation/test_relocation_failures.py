"""Relocation while the store or the file is broken."""

import struct
import zlib
from datetime import datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.models import User
from media.errors import StoreCredentialsError, StoreRefusedError, StoreUnavailableError
from media.models import MediaResource, ObjectDeletion, ResourceStatus
from media.rules.failures import sentence_for
from media.services import relocation, resources
from media.storage import public_store
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.factories import deliver, drain, key_of, originals, photo
from media.tests.services.relocation.relocating import failing, pending_resource, state_of
from sartiq.core.errors import NotPermittedError
from sartiq.core.work.retry_policy import MAX_OUTAGE

pytestmark = pytest.mark.django_db


def png_with_broken_pixels() -> bytes:
    """Return a PNG whose structure and checksums are valid but whose compressed data is not."""
    png = bytearray(photo(1, size=(64, 64)))
    data_type = png.index(b"IDAT")  # a PNG chunk is its length, type, data and checksum
    data = data_type + 4
    length = int.from_bytes(png[data_type - 4 : data_type], "big")
    checksum = data + length
    png[data + 6 : data + 10] = b"\xff\xff\xff\xff"
    png[checksum : checksum + 4] = struct.pack(">I", zlib.crc32(png[data_type:checksum]))
    return bytes(png)


@pytest.mark.covers("F14")
@pytest.mark.parametrize("operation", ["copy", "head", "open"])
def test_retries_while_the_store_fails_have_growing_delays(
    memory: MemoryStore, user: User, operation: str
) -> None:
    resource = pending_resource(memory, user)
    memory.before = failing(operation, StoreUnavailableError)
    delays = []

    for outage_seconds in (0, 10, 60, 180, 3600):
        outage_start = timezone.now() - timedelta(seconds=outage_seconds)
        MediaResource.objects.filter(pk=resource.pk).update(
            run_after=None, unavailable_since=outage_start
        )
        relocation.relocate(public_store(), resource.pk)
        row = state_of(resource)
        assert (row["status"], row["lease_holder"]) == (ResourceStatus.PENDING, None)
        run_after = row["run_after"]
        assert isinstance(run_after, datetime)
        delays.append((run_after - timezone.now()).total_seconds())

    rounded_to_five = [round(delay / 5) * 5 for delay in delays]
    assert rounded_to_five == [0, 10, 60, 180, 300]
    assert state_of(resource)["attempts"] == 0


def test_a_resource_is_not_retried_before_it_is_due(memory: MemoryStore, user: User) -> None:
    resource = pending_resource(memory, user)
    memory.before = failing("copy", StoreUnavailableError, times=1)
    relocation.relocate(public_store(), resource.pk)
    before = state_of(resource)

    relocation.relocate(public_store(), resource.pk)

    assert state_of(resource) == before


@pytest.mark.covers("F14", "L01")
def test_a_resource_that_failed_after_a_day_without_the_store_can_be_retried(
    memory: MemoryStore, user: User, superuser: User
) -> None:
    resource = pending_resource(memory, user)
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
def test_no_resource_fails_while_the_store_rejects_our_credentials(
    memory: MemoryStore, user: User, error: type[StoreUnavailableError]
) -> None:
    resource = pending_resource(memory, user)
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
def test_an_attempt_whose_response_was_lost_is_counted_once(
    memory: MemoryStore, user: User, operation: str
) -> None:
    resource = pending_resource(memory, user)
    memory.after = failing(operation, StoreUnavailableError, times=1)

    deliver(resource, times=1)
    relocated = deliver(resource, times=1)

    assert (relocated.status, relocated.attempts) == (ResourceStatus.READY, 1)
    drain()
    assert set(memory.keys()) == relocated.own_keys
    assert memory.body(relocated.storage_key) == photo()


@pytest.mark.covers("F18")
def test_a_missing_source_fails_unless_the_copy_was_made(memory: MemoryStore, user: User) -> None:
    lost_resource = pending_resource(memory, user, photo(1))
    copied_resource = pending_resource(memory, user, photo(2))
    memory.after = failing("copy", StoreUnavailableError, times=1)
    deliver(copied_resource, times=1)
    memory.delete_many([lost_resource.storage_key, copied_resource.storage_key])

    with capture_logs() as logs:
        assert deliver(lost_resource).failure_code == "source_missing"
    (entry,) = [entry for entry in logs if entry["event"] == "resource_failed"]
    assert (entry["code"], entry["message"]) == ("source_missing", sentence_for("source_missing"))
    assert deliver(copied_resource).status == ResourceStatus.READY


@pytest.mark.covers("T31", "F06")
def test_a_file_rejected_by_the_decoder_fails_with_its_reason(
    memory: MemoryStore, user: User
) -> None:
    resource = pending_resource(memory, user, png_with_broken_pixels())

    relocated = deliver(resource)

    assert (relocated.status, relocated.failure_code) == (
        ResourceStatus.FAILED,
        "image_undecodable",
    )
    drain()
    assert originals(memory) == [key_of(resource.storage_key)]
