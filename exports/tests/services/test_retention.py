"""Archives go first, exports with their files later; the command and beat do the same."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from exports.models import ExportItem, ExportRun, RunStatus
from exports.services import retention
from exports.tasks import discard_expired
from exports.tests.exporting import delete_due_objects, entry, finished_run, start, stored_keys
from media.models import MediaResource
from sartiq.core.models import Event


def expired(
    user: User, photo: MediaResource, *, ago: timedelta = timedelta(seconds=1)
) -> ExportRun:
    """Return a finished run whose archive expired some time ago."""
    run = finished_run(user, entry(photo))
    ExportRun.objects.filter(pk=run.pk).update(expires_at=timezone.now() - ago)
    return run


def report_of(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("purge_expired_exports", "--json", *arguments, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def test_the_command_reports_and_discards_only_expired_archives(
    user: User, photos: list[MediaResource]
) -> None:
    old, older, live = (
        expired(user, photos[0]),
        expired(user, photos[1]),
        finished_run(user, entry(photos[2])),
    )
    ExportRun.objects.filter(pk=older.pk).update(expires_at=F("expires_at") - timedelta(days=2))
    delete_due_objects()
    before = stored_keys()

    dry = report_of()
    by_age = report_of("--execute", "--older-than", "1d")
    limited = report_of("--execute", "--limit", "1")
    delete_due_objects()

    assert (dry["candidates"], dry["discarded"]) == (2, 0)
    assert dry["bytes"] > 0
    assert set(dry["samples"]) == {str(old.pk), str(older.pk)}
    assert (by_age["samples"], limited["samples"]) == ([str(older.pk)], [str(old.pk)])
    assert len(before) == 3
    assert stored_keys() == [live.archive_key]


def test_old_exports_go_with_their_files(
    user: User, photos: list[MediaResource], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ITEM_BATCH_SIZE", 2)
    settings.EXPORT_RETENTION_DAYS = 30
    gone, kept = (finished_run(user, *map(entry, photos)) for _ in range(2))
    downloadable, running = finished_run(user, entry(photos[0])), start(user, entry(photos[0]))
    ExportRun.objects.filter(pk__in=[gone.pk, kept.pk]).update(status=RunStatus.EXPIRED)
    for run, days in ((gone, 31), (kept, 29), (downloadable, 31)):
        finished_at = timezone.now() - timedelta(days=days)
        ExportRun.objects.filter(pk=run.pk).update(finished_at=finished_at)

    discard_expired()

    left = {kept.pk, downloadable.pk, running.pk}
    assert set(ExportRun.objects.values_list("pk", flat=True)) == left
    assert set(ExportItem.objects.values_list("run_id", flat=True)) == left


def test_archives_are_kept_as_long_as_the_setting_says(
    user: User, photos: list[MediaResource], settings: Any
) -> None:
    settings.EXPORT_ARCHIVE_DAYS = 3

    run = finished_run(user, entry(photos[0]))

    assert run.expires_at is not None
    assert run.finished_at is not None
    assert run.expires_at - run.finished_at == timedelta(days=3)


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
