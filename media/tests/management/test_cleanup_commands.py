import io
import json
import re

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.core.management.base import BaseCommand
from django.db import connection

from accounts.models import User
from media.errors import StoreUnavailableError
from media.models import MediaResource, ObjectDeletion
from media.tests.services.deletion.aged_rows import (
    DATA,
    AheadMemoryStore,
    all_rows,
    new_temp_key,
    put_object,
    resource,
    upload,
)

pytestmark = pytest.mark.django_db

TEMP = "cleanup_temp_uploads"
ORPHANS = "cleanup_orphaned_media"


def output_of(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def exit_code(name: str, *arguments: str) -> int:
    """Run the command as from a shell, and return its exit code and output."""
    command: BaseCommand = load_command_class("media", name)
    try:
        command.run_from_argv(["manage.py", name, *arguments])
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


@pytest.mark.covers("I17")
@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["--dry-run", "--json"]])
def test_without_execute_nothing_changes(
    store: AheadMemoryStore, user: User, arguments: list[str]
) -> None:
    put_object(store, upload(user).key)
    resource(user)
    rows, objects = all_rows(), store.keys()

    for name in (TEMP, ORPHANS):
        output_of(name, *arguments)

    assert all_rows() == rows
    assert store.keys() == objects


def test_the_summary_of_a_dry_run(store: AheadMemoryStore, user: User) -> None:
    unused_key = put_object(store, upload(user).key)

    text = output_of(TEMP)

    assert text.splitlines() == [
        f"Would discard 1 temporary objects older than 24 h, {len(DATA)} bytes.",
        f"  {unused_key}",
        "Would expire 1 unused uploads.",
        "Nothing was changed. Use --execute to discard.",
    ]


def test_the_summary_of_a_cleanup(store: AheadMemoryStore, user: User) -> None:
    names = sorted((resource(user) for _ in range(22)), key=lambda row: (row.unattached_at, row.pk))

    text = output_of(ORPHANS, "--execute", "--older-than", "150m")

    assert text.splitlines() == [
        "Discarded 22 media resources older than 2 h 30 min, 594 bytes.",
        *(f"  {row.storage_key}" for row in names[:20]),
        "  and 2 more",
    ]
    assert not MediaResource.objects.exists()
    assert ObjectDeletion.objects.count() == 2 * 22  # each image and its thumbnail


def test_the_report_as_json(store: AheadMemoryStore, user: User) -> None:
    first, second = sorted(put_object(store, new_temp_key()) for _ in range(2))

    report = json.loads(
        output_of(TEMP, "--execute", "--json", "--limit", "1", "--older-than", "1d")
    )

    assert report == {
        "executed": True,
        "candidates": 1,
        "discarded": 1,
        "bytes": len(DATA),
        "expired_uploads": 0,
        "samples": [first],
        "older_than_seconds": 86400,
    }
    assert list(ObjectDeletion.objects.values_list("key", flat=True)) == [first]
    assert second != first


def test_older_than_keeps_newer_objects(store: AheadMemoryStore, user: User) -> None:
    put_object(store, upload(user).key)
    resource(user)

    reports = [
        json.loads(output_of(name, "--json", "--older-than", "36h")) for name in (TEMP, ORPHANS)
    ]

    assert [report["candidates"] for report in reports] == [0, 0]
    assert [report["expired_uploads"] for report in reports] == [0, 0]


@pytest.mark.django_db(transaction=True)  # a command run as from a shell closes connections
@pytest.mark.parametrize("name", [TEMP, ORPHANS])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--older-than", "1h"], "1:00:00 is too short: the shortest allowed grace period"),
        (["--older-than", "tomorrow"], "'tomorrow' is not a valid age"),
        (["--older-than", "24"], "'24' is not a valid age"),
        (["--older-than", "99999d"], "'99999d' is not a valid age"),
        (["--limit", "0"], "'0' is not a positive whole number"),
        (["--limit", "-1"], "'-1' is not a positive whole number"),
        (["--dry-run", "--execute"], "not allowed with argument"),
    ],
)
@pytest.mark.usefixtures("store")
def test_wrong_usage_exits_with_2(
    user: User,
    capsys: pytest.CaptureFixture[str],
    name: str,
    arguments: list[str],
    message: str,
) -> None:
    upload(user)
    rows = all_rows()

    code = exit_code(name, "--execute" if "--dry-run" not in arguments else "--json", *arguments)

    assert code == 2
    assert message in capsys.readouterr().err
    assert all_rows() == rows


@pytest.mark.django_db(transaction=True)  # a command run as from a shell closes connections
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StoreUnavailableError, (1, "StoreUnavailableError")),
        (KeyboardInterrupt, (130, "What is already done is not undone")),
    ],
)
def test_a_failing_store_and_ctrl_c_end_with_a_message(
    store: AheadMemoryStore,
    user: User,
    capsys: pytest.CaptureFixture[str],
    error: type[BaseException],
    outcome: tuple[int, str],
) -> None:
    expected, message = outcome
    upload(user)
    rows = all_rows()

    def fail(operation: str, key: str) -> None:
        raise error

    store.before = fail

    code = exit_code(TEMP, "--execute")

    assert code == expected
    assert message in capsys.readouterr().err
    assert all_rows() == rows


@pytest.mark.parametrize("name", [TEMP, ORPHANS])
def test_a_finished_cleanup_exits_with_0(store: AheadMemoryStore, user: User, name: str) -> None:
    assert exit_code(name, "--execute") == 0


def test_usage_errors_are_raised_for_callers_in_python(db: None) -> None:
    with pytest.raises(CommandError, match="shortest allowed grace"):
        call_command(ORPHANS, "--older-than", "1m")
    assert connection.is_usable()


def test_progress_is_shown_on_a_terminal_but_not_in_the_report(
    store: AheadMemoryStore,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put_object(store, upload(user).key)
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich draw where no terminal is

    code = exit_code(TEMP, "--json")

    output = capsys.readouterr()
    assert code == 0
    assert "Checked" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.err)
    assert json.loads(output.out)["candidates"] == 1


def test_without_a_terminal_there_is_no_progress(
    store: AheadMemoryStore, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    put_object(store, upload(user).key)

    exit_code(TEMP)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", [TEMP, ORPHANS])
def test_the_help_explains_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(name, "--help") == 0

    output = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 done" in output
