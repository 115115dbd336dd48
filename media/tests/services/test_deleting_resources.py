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
    other_user = UserFactory.create()
    url, url_elsewhere = upload_file(memory, user), upload_file(memory, other_user, photo(2))
    (failed_resource,), (other_resource,) = ingest(user, [url]), ingest(other_user, [url_elsewhere])
    resources = MediaResource.objects.filter(user__in=[user, other_user])
    resources.update(status=ResourceStatus.FAILED, failure_code="decode_limit")
    failed_resource.attachments.all().delete()

    before = set(ObjectDeletion.objects.values_list("key", flat=True))

    trash.delete_as_staff(resource_id=failed_resource.pk)
    assert upload_of(url).state == UploadState.CLAIMED
    trash.purge([failed_resource.pk, other_resource.pk], before=timezone.now() + timedelta(days=1))

    assert list(resources) == [other_resource]
    assert upload_of(url).state == UploadState.EXPIRED
    assert upload_of(url_elsewhere).state == UploadState.CLAIMED
    queued_keys = set(ObjectDeletion.objects.values_list("key", flat=True))
    assert queued_keys - before == {upload_of(url).key} | failed_resource.own_keys
