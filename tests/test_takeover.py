"""A worker takes over the rows of a dead process of its host at once, of every kind."""

import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db.models import Model
from django.utils import timezone

from sartiq.celery import app
from sartiq.core.models import LeasedModel
from sartiq.core.work import holders, takeover
from tests.bystander import Bystander

pytestmark = pytest.mark.django_db

TASKS = {
    "MediaResource": "media.relocate",
    "ObjectDeletion": "media.delete_objects",
    "BulkUploadChunk": "bulkupload.import_chunk",
    "BulkUploadMediaBatch": "bulkupload.attach_media",
    "PhotoFile": "bulkupload.attach_photo",
    "RemoteImage": "bulkupload.fetch_image",
    "ExportItem": "exports.convert",
    "ExportRun": "exports.assemble",
    "BulkUploadJob": "bulkupload.plan",
}


@pytest.fixture(scope="module")
def dead_holder() -> UUID:
    """The holder of a process that was killed."""
    with subprocess.Popen(["sleep", "300"]) as process:
        start_time = holders.start_time(process.pid)
        process.send_signal(signal.SIGKILL)
    assert start_time is not None
    return holders.holder_of(process.pid, start_time)


@pytest.fixture(scope="module", autouse=True)
def _tasks_are_imported() -> None:
    """Import what a worker imports."""
    app.loader.import_default_modules()


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    tasks: list[tuple[str, ...]] = []

    def send(task: str, **arguments: str) -> bool:
        tasks.append((task, *arguments.values()))
        return True

    monkeypatch.setattr(takeover, "send", send)
    return tasks


@pytest.fixture
def rows() -> dict[str, LeasedModel]:
    """One waiting row of each kind."""
    return waiting_rows(Bystander())


def waiting_rows(owner: Bystander) -> dict[str, LeasedModel]:
    leased_rows = [row for row in owner.rows if isinstance(row, LeasedModel)]
    rows = {type(row).__name__: row for row in leased_rows if row.lease_holder is not None}
    rows["ExportRun"] = next(row for row in leased_rows if getattr(row, "archive_key", None) == "")
    job: Any = next(row for row in leased_rows if type(row).__name__ == "BulkUploadJob")
    type(job).objects.filter(pk=job.pk).update(status="QUEUED", planned_at=None)
    return rows | {"BulkUploadJob": job}


def hold_row(row: LeasedModel, holder: UUID) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(
        lease_holder=holder,
        lease_expires_at=timezone.now() + timedelta(hours=1),
        attempts=3,
        sent_at=None,
    )
    row.refresh_from_db()


def test_every_kind_of_row_is_covered() -> None:
    kinds = {model.__name__ for model in apps.get_models() if issubclass(model, LeasedModel)}

    assert kinds == set(TASKS)


@pytest.mark.covers("F01")
@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("attempts", [3, 2])
@pytest.mark.usefixtures("bystander")
def test_a_row_of_a_dead_process_is_due_and_enqueued_at_once(
    rows: dict[str, LeasedModel],
    dead_holder: UUID,
    sent_tasks: list[tuple[str, ...]],
    django_capture_on_commit_callbacks: Callable[..., Any],
    *,
    kind: str,
    attempts: int,
) -> None:
    row = rows[kind]
    hold_row(row, dead_holder)

    with django_capture_on_commit_callbacks(execute=True):
        count = takeover.take_over(count_attempts=attempts == 3)

    row.refresh_from_db()
    argument = () if kind == "ObjectDeletion" else (str(row.pk),)
    assert (count, sent_tasks) == (1, [(TASKS[kind], *argument)])
    assert (row.lease_holder, row.lease_expires_at, row.attempts) == (None, None, attempts)
    assert row.sent_at is not None


@pytest.mark.parametrize("process_kind", ["running", "elsewhere"])
def test_a_row_of_a_running_or_unknown_process_stays_leased(
    rows: dict[str, LeasedModel], sent_tasks: list[tuple[str, ...]], process_kind: str
) -> None:
    other_hosts_holder = UUID(int=holders.holders_of_host()[1].int + 1)
    holder = holders.new_holder() if process_kind == "running" else other_hosts_holder
    for row in rows.values():
        hold_row(row, holder)

    count = takeover.take_over()

    assert (count, sent_tasks) == (0, [])
    for row in rows.values():
        before = values_of(row)
        row.refresh_from_db()
        assert values_of(row) == before
        assert row.lease_holder == holder


def values_of(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
