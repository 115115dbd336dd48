from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.models import MediaResource, ObjectDeletion, ResourceStatus, UploadState
from media.services import trash
from media.storage.testing.memory import MemoryStore
from media.tests.factories import ingest, photo, upload_file, upload_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_the_upload_of_a_purged_resource_expires(memory: MemoryStore, user: User) -> None:
    stranger = UserFactory.create()
    url, url_elsewhere = upload_file(memory, user), upload_file(memory, stranger, photo(2))
    (failed,), (other,) = ingest(user, [url]), ingest(stranger, [url_elsewhere])
    own = MediaResource.objects.filter(user__in=[user, stranger])
    own.update(status=ResourceStatus.FAILED, failure_code="decode_limit")
    failed.attachments.all().delete()

    before = set(ObjectDeletion.objects.values_list("key", flat=True))

    trash.delete_as_staff(resource_id=failed.pk)
    assert upload_of(url).state == UploadState.CLAIMED
    trash.purge([failed.pk, other.pk], before=timezone.now() + timedelta(days=1))

    assert list(own) == [other]
    assert upload_of(url).state == UploadState.EXPIRED
    assert upload_of(url_elsewhere).state == UploadState.CLAIMED
    queued = set(ObjectDeletion.objects.values_list("key", flat=True))
    assert queued - before == {upload_of(url).key} | failed.own_keys
