"""A photo waits while the store is unavailable, and is relocated when it responds again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from media.errors import StoreUnavailableError
from media.models import MediaResource, ResourceStatus
from media.services import recovery
from media.storage.testing.memory import MemoryStore
from media.tests.factories import deliver, ingest, upload_file

pytestmark = pytest.mark.django_db


def unavailable(_operation: str, _key: str) -> None:
    raise StoreUnavailableError


def available(_operation: str, _key: str) -> None:
    """Do nothing."""


@pytest.mark.covers("F14")
def test_a_row_delayed_by_an_outage_is_due_when_the_stores_respond_again(
    memory: MemoryStore, user: User
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    memory.before = unavailable
    deliver(resource, times=1)
    minutes_ago = timezone.now() - timedelta(minutes=10)
    in_minutes = timezone.now() + timedelta(minutes=5)
    MediaResource.objects.update(unavailable_since=minutes_ago, run_after=in_minutes)

    recovery.resend_resources()
    assert not MediaResource.objects.due().exists()

    memory.before = available
    recovery.resend_resources()

    assert MediaResource.objects.due().exists()
    assert deliver(resource, times=1).status == ResourceStatus.READY
