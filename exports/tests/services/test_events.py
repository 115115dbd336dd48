"""An export has an event when it starts, when it ends and when its archive goes."""

from django.utils import timezone

from accounts.models import User
from exports.models import ExportRun
from exports.services import retention
from exports.tests.exporting import entry, finished_run
from media.models import MediaResource
from sartiq.core.models import Event


def test_an_export_from_start_to_expiry(user: User, photos: list[MediaResource]) -> None:
    run = finished_run(user, entry(photos[0]))
    ExportRun.objects.update(expires_at=timezone.now())

    retention.discard_expired()
    retention.discard_expired()

    events = Event.objects.filter(object_id=run.pk).order_by("created_at")
    assert [event.action for event in events] == [
        *("export.started", "export.finished", "export.expired")
    ]
    assert events[1].details == {"files": 1, "failed": 0}
