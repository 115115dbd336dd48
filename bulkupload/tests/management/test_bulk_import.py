import json
import os
from io import StringIO
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.tests.factories import MembershipFactory
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.services import lifecycle
from bulkupload.services.rows import import_chunk
from catalog.models import Product
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file


def run(path: Path, user: User, *arguments: str) -> str:
    out = StringIO()
    call_command("bulk_import", str(path), "--user", user.email, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "products.csv"
    path.write_text("sku,name\nA,Shoe\nB,Boot\n")
    return path


def test_a_file_is_imported_and_the_outcome_is_printed(
    private: MemoryStore, user: User, table: Path
) -> None:
    organization = MembershipFactory.create(user=user).organization

    output = run(table, user, "--organization", str(organization.pk))

    assert output == "Completed: 2 rows, 2 created, 0 updated, 0 unchanged, 0 refused.\n"
    assert Product.objects.filter(organization=organization).count() == 2


def test_a_dry_run_writes_nothing(private: MemoryStore, user: User, table: Path) -> None:
    output = run(table, user, "--dry-run", "--json")

    assert json.loads(output)["created"] == 2
    assert not Product.objects.exists()


def test_refused_rows_are_written_to_the_errors_file(
    private: MemoryStore, user: User, table: Path
) -> None:
    table.write_text("sku,name\nA,Shoe\n,Boot\n")
    errors = table.with_name("errors.csv")

    with pytest.raises(CommandError, match="1 rows were refused") as excinfo:
        run(table, user, "--errors", str(errors))

    assert excinfo.value.returncode == 1
    assert errors.read_text().splitlines()[1].startswith('"","Boot","3","sku","missing"')


@pytest.mark.parametrize(
    ("text", "arguments", "output"),
    [
        ("name\nShoe\n", (), "No column maps to sku"),
        (
            "sku,name\n",
            ("--mapping", '{"sku": "size"}'),
            "The mapping is invalid: Supported fields: sku, name",
        ),
        ("\x89PNG\r\n", (), "not a table"),
    ],
)
@pytest.mark.usefixtures("private")
def test_a_file_that_cannot_be_read_is_reported(
    user: User, table: Path, text: str, arguments: tuple[str, ...], output: str
) -> None:
    table.write_bytes(text.encode("latin-1"))

    with pytest.raises(CommandError, match=output) as excinfo:
        run(table, user, *arguments)

    assert excinfo.value.returncode == 3


@pytest.mark.parametrize(
    ("mapping", "output"),
    [
        ("[]", "The mapping is invalid: Must be an object"),
        ('{"sku": ["sku"]}', "The mapping is invalid: Supported fields: sku"),
        ('{"a\\u0000": "sku"}', "The mapping is invalid: A key contains a NUL"),
        ('{"a": "sku", " a": "name"}', "The mapping is invalid: Two keys name the same column"),
        ("{", "The mapping is not JSON"),
        ("[" * 100_000, "The mapping is not JSON"),
    ],
)
@pytest.mark.usefixtures("private")
def test_an_invalid_mapping_starts_no_job(
    user: User, table: Path, mapping: str, output: str
) -> None:
    with pytest.raises(CommandError, match=output) as excinfo:
        run(table, user, "--mapping", mapping)

    assert excinfo.value.returncode == 3
    assert not BulkUploadJob.objects.exists()


@pytest.mark.usefixtures("private")
def test_an_unknown_encoding_starts_no_job(user: User, table: Path) -> None:
    with pytest.raises(CommandError, match="Supported encodings: ") as excinfo:
        run(table, user, "--encoding", "klingon")

    assert excinfo.value.returncode == 3
    assert not BulkUploadJob.objects.exists()


@pytest.mark.usefixtures("private")
def test_an_errors_file_that_cannot_be_written_starts_no_job(user: User, table: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory") as excinfo:
        run(table, user, "--errors", str(table.parent / "missing" / "errors.csv"))

    assert excinfo.value.returncode == 3
    assert not BulkUploadJob.objects.exists()


@pytest.mark.usefixtures("private")
def test_without_refused_rows_no_errors_file_is_written(user: User, table: Path) -> None:
    errors = table.with_name("errors.csv")

    run(table, user, "--errors", str(errors))

    assert not errors.exists()


@pytest.mark.usefixtures("private")
def test_an_existing_empty_errors_file_is_not_deleted(user: User, table: Path) -> None:
    errors = table.with_name("errors.csv")
    errors.touch()

    run(table, user, "--errors", str(errors))

    assert errors.read_bytes() == b""


@pytest.mark.usefixtures("private")
def test_an_errors_file_is_replaced_only_by_new_errors(user: User, table: Path) -> None:
    errors = table.with_name("errors.csv")
    errors.write_text("old errors\n")

    run(table, user, "--errors", str(errors))
    content = errors.read_text()
    table.write_text("sku,name\n,Boot\n")
    with pytest.raises(CommandError):
        run(table, user, "--errors", str(errors))

    assert content == "old errors\n"
    assert errors.read_text().startswith('"sku","name","error_line"')


@pytest.mark.usefixtures("private", "two_rows_per_chunk")
def test_a_job_cancelled_during_the_import_exits_with_an_error(
    user: User, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write_text("sku,name\nA,Shoe\nB,Boot\nC,Hat\n")
    import_rows = import_chunk.import_rows

    def import_and_cancel(chunk_id: UUID) -> None:
        import_rows(chunk_id)
        lifecycle.cancel(BulkUploadJob.objects.get().pk)

    monkeypatch.setattr(import_chunk, "import_rows", import_and_cancel)

    with pytest.raises(CommandError, match="The import was cancelled") as excinfo:
        run(table, user)

    assert excinfo.value.returncode == 3
    assert Product.objects.count() == 2


@pytest.mark.usefixtures("private", "two_rows_per_chunk")
def test_an_interrupt_cancels_the_job(
    user: User, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write_text("sku,name\nA,Shoe\n,Boot\nC,Hat\n")
    errors = table.with_name("errors.csv")
    import_rows = import_chunk.import_rows

    def import_and_interrupt(chunk_id: UUID) -> None:
        import_rows(chunk_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(import_chunk, "import_rows", import_and_interrupt)

    with pytest.raises(CommandError, match="The import was cancelled") as excinfo:
        run(table, user, "--errors", str(errors))

    assert excinfo.value.returncode == 3
    assert BulkUploadJob.objects.get().status == JobStatus.CANCELLED
    assert Product.objects.count() == 1
    assert len(errors.read_text().splitlines()) == 2


def test_refused_rows_do_not_overwrite_the_imported_file(user: User, table: Path) -> None:
    before = table.read_bytes()
    link = table.with_name("link.csv")
    link.symlink_to(table)

    with pytest.raises(CommandError, match="--errors is the input file itself") as excinfo:
        run(table, user, "--errors", str(link))

    assert excinfo.value.returncode == 3
    assert table.read_bytes() == before
    assert not BulkUploadJob.objects.exists()


def test_a_pipe_is_read(private: MemoryStore, user: User, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=("sku,name\nA,Shoe\n",), daemon=True)
    writer.start()

    output = run(pipe, user)
    writer.join()

    assert output == "Completed: 1 rows, 1 created, 0 updated, 0 unchanged, 0 refused.\n"


def test_images_are_attached_before_the_job_ends(
    public: MemoryStore, user: User, table: Path
) -> None:
    url = upload_file(public, user)
    table.write_text(f"sku,name,cover_image,images\nA,Shoe,{url},{url}|bad\n")

    with pytest.raises(CommandError, match="1 images were refused") as excinfo:
        run(table, user, "--errors", str(table.with_name("errors.csv")))

    assert excinfo.value.returncode == 1
    assert set(MediaResource.objects.values_list("status", flat=True)) == {"READY"}
    assert "image_url_not_allowed" in table.with_name("errors.csv").read_text()
