"""The checker notices each kind of broken promise of exports."""

from datetime import timedelta
from hashlib import sha256

import pytest
from django.utils import timezone

from chaos.checker.violations import Problem
from chaos.ledger import ExpectedExport
from chaos.tests.conftest import DIGEST, LONG_AGO, State
from exports.models import ExportItem, ExportRun
from media.models import MediaResource

ARCHIVE = b"an archive"
OTHER_DIGEST = sha256(b"another photo").hexdigest()
COPY_OF_RUN = """
CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM exports_exportrun;
UPDATE copied SET id = '{new}'; INSERT INTO exports_exportrun SELECT * FROM copied
"""
COPY_OF_ITEM = """
CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM exports_exportitem;
UPDATE copied SET id = '{new}', position = 2, name = 'b.webp';
INSERT INTO exports_exportitem SELECT * FROM copied
"""
CHANGES = [
    (Problem.LOST, "export", "DELETE FROM exports_exportitem; DELETE FROM exports_exportrun"),
    (
        Problem.LOST,
        "is FAILED nothing_exported",
        "UPDATE exports_exportrun SET status = 'FAILED', failure_code = 'nothing_exported'",
    ),
    (Problem.LOST, "is EXPIRED", "UPDATE exports_exportrun SET status = 'EXPIRED'"),
    (Problem.LOST, "has 2 files, not 1", "UPDATE exports_exportrun SET total = 2"),
    (Problem.LOST, "is missing", "DELETE FROM exports_exportitem"),
    (Problem.LOST, "is missing", "UPDATE exports_exportitem SET resource_id = '{new}'"),
    (
        Problem.LOST,
        "file of an export failed",
        "UPDATE exports_exportitem SET status = 'FAILED', failure_code = 'conversion_failed'",
    ),
    (Problem.LOST, "has other bytes", "UPDATE exports_exportrun SET archive_size = 1"),
    (Problem.LOST, "has other bytes", "UPDATE exports_exportrun SET archive_sha256 = ''"),
    (Problem.DOUBLED, "that no client knows", COPY_OF_RUN),
    (Problem.DOUBLED, "is there in addition", COPY_OF_ITEM),
    (
        Problem.DOUBLED,
        "one name or place",
        COPY_OF_ITEM.replace("name = 'b.webp'", "name = 'A.webp'"),
    ),
    (
        Problem.DOUBLED,
        "one name or place",
        "ALTER TABLE exports_exportitem DROP CONSTRAINT export_item_once_per_run;"
        + COPY_OF_ITEM.replace("position = 2", "position = 1"),
    ),
    (
        Problem.STUCK,
        "export still running",
        "UPDATE exports_exportrun SET status = 'QUEUED', finished_at = NULL",
    ),
    (
        Problem.STUCK,
        "file of an export still waiting",
        "UPDATE exports_exportitem SET status = 'WAITING'",
    ),
    (
        Problem.STUCK,
        "lease still held: row export",
        "UPDATE exports_exportrun SET lease_expires_at = now() + interval '1 hour'",
    ),
    (
        Problem.STUCK,
        "lease still held: row file of an export",
        "UPDATE exports_exportitem SET lease_expires_at = now() + interval '1 hour'",
    ),
    (
        Problem.LEFT_OVER,
        "private object exports/archive.zip",
        "UPDATE exports_exportrun SET archive_key = 'exports/other.zip'",
    ),
]


@pytest.fixture
def state(state: State) -> State:
    """An export of one photo that has ended."""
    photo = MediaResource.objects.get()
    run = ExportRun.objects.create(
        user=photo.user,
        organization=photo.organization,
        status="COMPLETED",
        title="export",
        image_format="WEBP",
        total=1,
        archive_key="exports/archive.zip",
        archive_size=len(ARCHIVE),
        archive_sha256=sha256(ARCHIVE).hexdigest(),
        finished_at=LONG_AGO,
        expires_at=timezone.now() + timedelta(days=1),
    )
    ExportItem.objects.create(
        run=run,
        position=1,
        resource_id=photo.pk,
        name="a.webp",
        status="DONE",
        result_key="exports/item",
        result_size=1,
        result_sha256=DIGEST,
    )
    state.private.objects[run.archive_key] = ARCHIVE
    state.ledger.add_export(ExpectedExport(str(run.pk), [DIGEST]))
    return state


def test_a_correct_export_has_no_violations(state: State) -> None:
    assert state.violations() == []


@pytest.mark.parametrize(("problem", "part", "sql"), CHANGES)
def test_a_changed_row_is_noticed(state: State, problem: Problem, part: str, sql: str) -> None:
    state.execute(sql)

    assert [text for text in state.texts(problem) if part in text]


def test_an_unfinished_export_is_stuck_but_not_lost(state: State) -> None:
    state.execute(
        "UPDATE exports_exportrun SET status = 'RUNNING', finished_at = NULL, archive_key = '';"
        "UPDATE exports_exportitem SET status = 'WAITING'"
    )
    del state.private.objects["exports/archive.zip"]

    assert {item.problem for item in state.violations()} == {Problem.STUCK}


def test_a_lost_archive_is_noticed(state: State) -> None:
    del state.private.objects["exports/archive.zip"]

    [text] = state.texts(Problem.LOST)

    assert text.startswith("archive exports/archive.zip of export")


def test_other_bytes_of_an_archive_are_noticed(state: State) -> None:
    state.private.objects["exports/archive.zip"] = ARCHIVE.upper()

    assert state.texts(Problem.LOST) == ["archive exports/archive.zip has other bytes than its row"]


def test_the_object_of_a_file_is_left_over_once_the_archive_exists(state: State) -> None:
    state.private.objects["exports/item"] = b"?"

    assert state.texts(Problem.LEFT_OVER) == ["private object exports/item"]


def test_another_order_is_noticed(state: State) -> None:
    [export] = state.ledger.exports
    state.ledger.exports[:] = [ExpectedExport(export.id, [OTHER_DIGEST, DIGEST])]
    state.execute(
        "UPDATE exports_exportrun SET total = 2;"
        + COPY_OF_ITEM
        + ";UPDATE exports_exportitem SET resource_id = '{new}' WHERE id = '{new}';"
        "CREATE TEMP TABLE other ON COMMIT DROP AS SELECT * FROM media_mediaresource;"
        f"UPDATE other SET id = '{{new}}', content_hash = '{OTHER_DIGEST}', status = 'FAILED',"
        " failure_code = 'source_missing';"
        "INSERT INTO media_mediaresource SELECT * FROM other"
    )

    assert f"order of export {export.id}" in state.texts(Problem.LOST)
