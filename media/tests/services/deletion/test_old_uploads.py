"""Upload rows are deleted after their retention period; their resources stay."""

from datetime import timedelta

from accounts.models import User
from media.models import MediaResource, Upload, UploadState
from media.services.cleanup import old_uploads
from media.tests.services.deletion import aged_rows

PERIOD = timedelta(days=90, minutes=1)


def test_used_and_expired_uploads_are_deleted_after_their_period(user: User) -> None:
    resource = aged_rows.resource(user)
    for state in (UploadState.CONSUMED, UploadState.EXPIRED):
        aged_rows.upload(user, age=PERIOD, state=state, resource=resource)
    kept_uploads = [
        aged_rows.upload(user, age=PERIOD, state=UploadState.CLAIMED, resource=resource),
        aged_rows.upload(user, age=PERIOD, state=UploadState.ISSUED),
        aged_rows.upload(user, age=timedelta(days=89), state=UploadState.CONSUMED),
    ]

    assert old_uploads.discard() == 2

    assert set(Upload.objects.all()) == set(kept_uploads)
    assert MediaResource.objects.get() == resource
