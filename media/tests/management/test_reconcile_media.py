import io
import json

import pytest
from django.core.management import call_command, load_command_class

from accounts.models import User
from media import tasks
from media.models import ReconcileReport, ReconcileState
from media.services.reconcile import passes
from media.tests.services.deletion.aged_rows import (
    DATA,
    AheadMemoryStore,
    all_rows,
    put_object,
)
from media.tests.services.reconcile.passes import an_hour_later, codes, ready_resource, run
from sartiq.core.work.exclusive import exclusive

pytestmark = pytest.mark.django_db

NAME = "reconcile_media"


@pytest.fixture
def lost(store: AheadMemoryStore, user: User) -> str:
    """The key of a READY row whose object is missing; another row has its object."""
    row, _ = ready_resource(store, user), ready_resource(store, user)
    store.delete_many([row.storage_key])
    return row.storage_key


def output_of(*arguments: str) -> str:
    out = io.StringIO()
    call_command(NAME, *arguments, stdout=out)
    return out.getvalue()


def exit_code(*arguments: str) -> int:
    """Run as from a shell and return what the shell would see."""
    try:
        load_command_class("media", NAME).run_from_argv(["manage.py", NAME, *arguments])
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


@pytest.mark.covers("I17")
def test_without_execute_it_only_reports(store: AheadMemoryStore, lost: str) -> None:
    unknown_key = put_object(store, "media/unknown.png")
    before = all_rows()

    text = output_of()

    assert text.splitlines() == [
        "Compared 2 objects with 2 rows.",
        "Missing: 1. Changed: 0. Marked as failed: 0.",
        "Found again: 0. Unknown objects: 1.",
        f"  object_missing: {lost}",
        f"  unknown: {unknown_key}",
        "Nothing was changed. Use --execute.",
    ]
    assert all_rows() == before
    assert not ReconcileReport.objects.exists()


def test_execute_marks_and_reports_as_json(store: AheadMemoryStore, lost: str) -> None:
    report = json.loads(output_of("--execute", "--json"))

    assert report == {
        "executed": True,
        "report_id": str(ReconcileReport.objects.get().pk),
        "state": "COMPLETED",
        "objects_compared": 1,
        "rows_compared": 2,
        "missing": 1,
        "changed": 0,
        "failed": 1,
        "returned": 0,
        "recorded": 0,
        "reported": 0,
        "reported_bytes": 0,
        "approved": 0,
        "max_lost": 100,
        "samples": {"object_missing": [lost]},
    }
    assert codes()[lost] == "object_missing"


def test_a_limited_run_says_how_to_continue(store: AheadMemoryStore, lost: str) -> None:
    text = output_of("--execute", "--limit", "1")

    assert "Continue with --execute --resume." in text
    assert json.loads(output_of("--execute", "--resume", "--json"))["state"] == "COMPLETED"


@pytest.mark.django_db(transaction=True)  # a command run as from a shell closes connections
@pytest.mark.covers("F27")
def test_a_stopped_pass_exits_with_4_and_says_how_to_continue(
    store: AheadMemoryStore,
    lost: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(passes, "MIN_LOST_LIMIT", 0)

    assert exit_code("--execute") == 4
    assert "--execute --confirm-missing 1" in capsys.readouterr().err
    assert codes()[lost] == ""
    assert exit_code("--execute", "--confirm-missing", "2") == 2
    assert exit_code("--execute", "--confirm-missing", "1") == 0
    assert codes()[lost] == "object_missing"


@pytest.mark.django_db(transaction=True)  # a command run as from a shell closes connections
@pytest.mark.covers("F27")
def test_an_empty_bucket_exits_with_4(
    store: AheadMemoryStore, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    row = ready_resource(store, user)
    store.delete_many([row.storage_key])

    assert exit_code("--execute") == 4
    assert "the bucket holds no media" in capsys.readouterr().err


@pytest.mark.django_db(transaction=True)  # a command run as from a shell closes connections
def test_another_run_exits_with_3(store: AheadMemoryStore) -> None:
    with exclusive("media.reconcile"):
        assert exit_code("--execute") == 3
        tasks.reconcile()  # logs it only


def test_approval_by_command(store: AheadMemoryStore, lost: str) -> None:
    put_object(store, "media/unknown.png")
    run(store)
    an_hour_later()
    text = output_of("--execute")
    report_id = str(ReconcileReport.objects.order_by("-started_at")[0].pk)

    assert f"--execute --approve {report_id}" in text
    assert "1 of them (27 bytes) can be deleted" in text
    assert len(DATA) == 27
    dry_run_output = output_of("--approve", report_id)
    assert dry_run_output.startswith("Would queue 1 unknown objects for deletion.")
    output = output_of("--approve", report_id, "--execute")
    assert output == "Queued 1 of 1 unknown objects for deletion.\n"
    assert exit_code("--approve", report_id, "--execute") == 2


def test_the_periodic_task_runs_a_pass(store: AheadMemoryStore, lost: str) -> None:
    tasks.reconcile()
    tasks.reconcile()  # not due again

    assert ReconcileReport.objects.get().state == ReconcileState.COMPLETED
    assert codes()[lost] == "object_missing"
