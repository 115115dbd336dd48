"""`retry_object_deletions` requeues the deletions that were given up, and no others."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from media.models import Bucket, DeletionReason, ObjectDeletion
from media.services import failed_deletions
from media.storage.testing.memory import MemoryStore
from media.tests.services.deletion import aged_rows
from sartiq.core.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memory_store() -> Iterator[MemoryStore]:
    with aged_rows.in_memory() as memory:
        yield memory


def failed_deletion(key: str, *, hours_ago: int = 0, **fields: Any) -> ObjectDeletion:
    """Save a deletion that was given up after its last attempt; `fields` override its columns."""
    dead_letter_fields = {"dead": True, "attempts": 8, "last_error": "AccessDenied"}
    row: ObjectDeletion = ObjectDeletion.objects.create(
        key=key,
        reason=DeletionReason.ORPHANED,
        last_attempted_at=timezone.now() - timedelta(hours=hours_ago, minutes=1),
        **dead_letter_fields | fields,
    )
    return row


def report_of(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("retry_object_deletions", "--json", *arguments, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def queued_keys() -> list[str]:
    rows = ObjectDeletion.objects.due().order_by("key")
    return list(rows.values_list("key", flat=True))


def test_a_dry_run_only_reports() -> None:
    failed_deletion("media/a")

    report = report_of()

    assert report == {
        "executed": False,
        "candidates": 1,
        "retried": 0,
        "samples": ["media/a"],
        "older_than_seconds": 0,
    }
    assert queued_keys() == []
    assert not Event.objects.exists()


def test_deletions_that_were_given_up_are_queued_with_no_attempt_counted() -> None:
    rows = [failed_deletion(f"media/{n}") for n in range(3)]
    waiting_deletion = failed_deletion("media/waiting", dead=False, attempts=3)

    report = report_of("--execute")

    assert (report["candidates"], report["retried"]) == (3, 3)
    assert queued_keys() == ["media/0", "media/1", "media/2", "media/waiting"]
    attempts = ObjectDeletion.objects.exclude(pk=waiting_deletion.pk).values_list(
        "attempts", flat=True
    )
    assert list(attempts) == [0, 0, 0]
    waiting_deletion.refresh_from_db()
    assert waiting_deletion.attempts == 3
    events = Event.objects.filter(action="object_deletion.retried")
    assert set(events.values_list("object_id", flat=True)) == {row.pk for row in rows}


def test_age_and_limit_select_the_deletions() -> None:
    failed_deletion("media/old", hours_ago=30)
    failed_deletion("media/older", hours_ago=40)
    failed_deletion("media/new")

    first = report_of("--execute", "--older-than", "1d", "--limit", "1")
    second = report_of("--execute", "--older-than", "1d")

    assert (first["retried"], second["retried"]) == (1, 1)
    assert queued_keys() == ["media/old", "media/older"]


def test_an_object_is_queued_once_in_each_bucket() -> None:
    failed_deletion("media/a")
    failed_deletion("media/a")
    failed_deletion("media/a", bucket=Bucket.PRIVATE)
    failed_deletion("media/b")
    failed_deletion("media/b", dead=False)

    assert report_of("--execute")["retried"] == 2

    rows = ObjectDeletion.objects.order_by("bucket", "key").values_list("bucket", "key", "dead")
    assert list(rows) == [
        (Bucket.PRIVATE, "media/a", False),
        (Bucket.PUBLIC, "media/a", False),
        (Bucket.PUBLIC, "media/b", False),
    ]


def test_only_the_selected_deletions_are_retried() -> None:
    selected_deletion, other_deletion = failed_deletion("media/a"), failed_deletion("media/b")

    assert failed_deletions.retry_rows([selected_deletion.pk]) == 1

    other_deletion.refresh_from_db()
    assert other_deletion.dead
    assert queued_keys() == ["media/a"]


def test_many_deletions_are_retried_with_few_statements(django_assert_max_num_queries: Any) -> None:
    for n in range(40):
        failed_deletion(f"media/{n}")

    with django_assert_max_num_queries(15):
        report_of("--execute")

    assert len(queued_keys()) == 40


def test_the_summary_says_what_to_do() -> None:
    failed_deletion("media/a")
    out = io.StringIO()

    call_command("retry_object_deletions", stdout=out)

    assert out.getvalue().splitlines() == [
        "Would retry 1 deletions older than 0 h.",
        "  media/a",
        "Nothing was changed. Use --execute to retry.",
    ]


def test_the_summary_says_what_was_queued_already(capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("media/a", "media/b"):
        failed_deletion(key)
    failed_deletion("media/a", dead=False)

    call_command("retry_object_deletions", "--execute")

    output = capsys.readouterr().out
    assert output.startswith("Queued 1 deletions older than 0 h.")
    assert output.endswith("Skipped 1 that are queued already.\n")
