"""Archives are deleted first, exports with their files later, by the command and by beat alike."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from exports.models import ExportItem, ExportRun, RunStatus
from exports.services import retention
from exports.tasks import discard_expired
from exports.tests.exporting import delete_due_objects, entry, finished_run, start, stored_keys
from media.models import MediaResource
from sartiq.core.models import Event


def create_expired(
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
    expired_run, longer_expired_run, live_run = (
        create_expired(user, photos[0]),
        create_expired(user, photos[1]),
        finished_run(user, entry(photos[2])),
    )
    ExportRun.objects.filter(pk=longer_expired_run.pk).update(
        expires_at=F("expires_at") - timedelta(days=2)
    )
    delete_due_objects()
    before = stored_keys()

    dry_report = report_of()
    report_by_age = report_of("--execute", "--older-than", "1d")
    limited_report = report_of("--execute", "--limit", "1")
    delete_due_objects()

    assert (dry_report["candidates"], dry_report["discarded"]) == (2, 0)
    assert dry_report["bytes"] > 0
    assert set(dry_report["samples"]) == {str(expired_run.pk), str(longer_expired_run.pk)}
    assert (report_by_age["samples"], limited_report["samples"]) == (
        [str(longer_expired_run.pk)],
        [str(expired_run.pk)],
    )
    assert len(before) == 3
    assert stored_keys() == [live_run.archive_key]


def test_another_environment_keeps_its_archives(
    user: User, photos: list[MediaResource], settings: Any
) -> None:
    run = create_expired(user, photos[0])
    settings.ENVIRONMENT_NAME = "another"

    with pytest.raises(CommandError, match="ENVIRONMENT_NAME is another here") as error:
        report_of("--execute")

    run.refresh_from_db()
    assert (run.status, error.value.returncode) == (RunStatus.COMPLETED, 1)


def test_old_exports_are_deleted_with_their_files(
    user: User, photos: list[MediaResource], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ITEM_BATCH_SIZE", 2)
    settings.EXPORT_RETENTION_DAYS = 30
    old_run, recent_run = (finished_run(user, *map(entry, photos)) for _ in range(2))
    run_with_archive = finished_run(user, entry(photos[0]))
    running_export = start(user, entry(photos[0]))
    ExportRun.objects.filter(pk__in=[old_run.pk, recent_run.pk]).update(status=RunStatus.EXPIRED)
    for run, days in ((old_run, 31), (recent_run, 29), (run_with_archive, 31)):
        finished_at = timezone.now() - timedelta(days=days)
        ExportRun.objects.filter(pk=run.pk).update(finished_at=finished_at)

    discard_expired()

    remaining = {recent_run.pk, run_with_archive.pk, running_export.pk}
    assert set(ExportRun.objects.values_list("pk", flat=True)) == remaining
    assert set(ExportItem.objects.values_list("run_id", flat=True)) == remaining


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
