"""Recovery looks only at exports that need work."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from exports.models import ExportItem
from exports.services import recovery
from exports.services.dispatch import MAX_ENQUEUED
from exports.tests.exporting import entry, start
from media.models import MediaResource

MORE_THAN_ENQUEUED = MAX_ENQUEUED + 1


def test_runs_with_enough_files_in_the_queue_cost_no_queries(
    user: User, photos: list[MediaResource]
) -> None:
    query_counts = []

    for run_count in (1, 3):
        for _ in range(run_count):
            start(user, *[entry(photos[0])] * MORE_THAN_ENQUEUED)
        with CaptureQueriesContext(connection) as captured:
            assert recovery.resend() == 0
        query_counts.append(len(captured))

    assert query_counts[0] == query_counts[1]


def test_files_are_enqueued_behind_runs_with_enough_in_the_queue(
    user: User, photos: list[MediaResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECOVERY_BATCH_SIZE", 1)
    full_run, run = (start(user, *[entry(photos[0])] * MORE_THAN_ENQUEUED) for _ in range(2))
    ExportItem.objects.filter(run=run, position=1).update(sent_at=None)

    assert recovery.resend() == 1

    not_enqueued = ExportItem.objects.not_enqueued()
    assert (not_enqueued.filter(run=full_run).count(), not_enqueued.filter(run=run).count()) == (
        1,
        1,
    )
