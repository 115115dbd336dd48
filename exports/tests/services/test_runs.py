"""Archives of exports: their files, their manifest, their download and their retention."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.db.models import F
from PIL import Image

from accounts.models import User
from exports.errors import (
    ExportExpiredError,
    ExportNotFinishedError,
    NothingToExportError,
    TooManyFilesError,
)
from exports.models import ExportConfiguration, ExportItem, ExportRun, ImageFormat, RunStatus
from exports.rules.limits import MAX_ARCHIVE_BYTES, MAX_FILES
from exports.services import build_archive, convert_item, retention, runs
from exports.tests.exporting import (
    archive_of,
    delete_due_objects,
    entry,
    files_of,
    finished_run,
    item_ids,
    item_of,
    manifest_of,
    run_to_end,
    start,
    stored_keys,
)
from media.models import MediaResource, ObjectDeletion
from media.rules.file_types.content_types import FILE_TYPES
from media.storage.s3.multipart import PART_BYTES
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, ready_resource
from media.tests.rules.file_types import specimens

pytestmark = pytest.mark.usefixtures("bystander")

MAX_PARTS = 10_000  # of one multipart upload, in S3 and in R2
IMAGES = sorted(name for name, file_type in FILE_TYPES.items() if file_type.is_image)
MOTION_PHOTO = specimens.mp4()
NAMES = ["Us_S-1_image_v1", "Us_S-1_image_v2", "Us_S-1_image_v3"]


@pytest.mark.parametrize(
    ("image_format", "extension", "decoded"),
    [
        (ImageFormat.WEBP, "webp", "WEBP"),
        (ImageFormat.JPEG, "jpg", "JPEG"),
        (ImageFormat.PNG, "png", "PNG"),
        (ImageFormat.AVIF, "avif", "AVIF"),
    ],
)
def test_an_archive_has_every_image_in_the_requested_format(
    user: User,
    photos: list[MediaResource],
    image_format: ImageFormat,
    extension: str,
    decoded: str,
) -> None:
    run = finished_run(user, *map(entry, photos), image_format=image_format)

    assert run.status == RunStatus.COMPLETED
    files = files_of(run)
    names = [f"{name}.{extension}" for name in NAMES]
    assert list(files) == [*names, "metadata.json", "metadata.csv", "manifest.json"]
    for name in names:
        with Image.open(io.BytesIO(files[name])) as image:
            image.load()
            assert (image.format, image.size) == (decoded, (12, 8))


def test_the_manifest_lists_every_file(user: User, photos: list[MediaResource]) -> None:
    run = finished_run(user, *map(entry, photos))

    files = files_of(run)
    result = json.loads(files["manifest.json"])
    sources = [str(resource.pk) for resource in photos]
    assert result["failed"] == []
    assert [file["name"] for file in result["files"]] == list(files)[:-1]
    assert [file["resource_id"] for file in result["files"]] == [*sources, None, None]
    for file in result["files"]:
        body = files[file["name"]]
        assert (file["size"], file["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_the_metadata_lists_every_file(user: User, photos: list[MediaResource]) -> None:
    run = finished_run(user, entry(photos[0], color="red"))

    [body] = json.loads(files_of(run)["metadata.json"])["files"]
    assert body["file_name"] == "Us_S-1_image_v1.webp"
    assert (body["brand"], body["color"], body["version"], body["index"]) == ("Us", "red", 1, 1)
    assert body["date"] == ""
    assert body["sha256"] == item_of(run).result_sha256


def test_an_adapter_with_a_fixed_template_names_the_files(
    user: User, photos: list[MediaResource]
) -> None:
    run = finished_run(user, *map(entry, photos[:2]), metadata_adapter="ovs")

    assert list(files_of(run)) == [
        "S-1_image_01.webp",
        "S-1_image_02.webp",
        "ovs_metadata.csv",
        "manifest.json",
    ]


def test_original_files_are_exported_unchanged(
    user: User, public: MemoryStore, stores: None
) -> None:
    body = photo(1)
    resource = ready_resource(public, user, body)

    run = finished_run(user, entry(resource), image_format=ImageFormat.ORIGINAL)

    assert files_of(run)["Us_S-1_image_v1.png"] == body
    assert item_of(run).result_sha256 == resource.content_hash


@pytest.mark.parametrize("content_type", IMAGES)
@pytest.mark.parametrize("trailer", [MOTION_PHOTO, b"\n", bytes(1000)])
def test_an_original_is_exported_without_trailing_data(
    user: User, public: MemoryStore, stores: None, content_type: str, trailer: bytes
) -> None:
    image = specimens.still(content_type)
    resource = ready_resource(public, user, image + trailer, content_type=content_type)

    run = finished_run(user, entry(resource), image_format=ImageFormat.ORIGINAL)

    name = f"Us_S-1_image_v1.{resource.extension}"
    assert files_of(run)[name] == image
    file_entry = manifest_of(run)["files"][0]
    assert (file_entry["name"], file_entry["size"]) == (name, len(image))
    assert file_entry["sha256"] == hashlib.sha256(image).hexdigest() != resource.content_hash


def test_a_file_that_is_not_an_image_is_exported_unchanged(
    user: User, public: MemoryStore, stores: None
) -> None:
    body = specimens.pdf()
    resource = ready_resource(public, user, body, content_type="application/pdf")

    run = finished_run(user, entry(resource), image_format=ImageFormat.AVIF)

    assert files_of(run)["Us_S-1_image_v1.pdf"] == body


def test_the_same_inputs_give_the_same_bytes(user: User, photos: list[MediaResource]) -> None:
    first = finished_run(user, *map(entry, photos))
    second = finished_run(user, *map(entry, photos))

    assert first.pk != second.pk
    assert archive_of(first) == archive_of(second)
    assert first.archive_sha256 == second.archive_sha256
    assert first.archive_sha256 == hashlib.sha256(archive_of(first)).hexdigest()
    assert first.archive_size == len(archive_of(first))


def test_an_archive_has_no_creation_time(user: User, photos: list[MediaResource]) -> None:
    run = finished_run(user, *map(entry, photos))

    with zipfile.ZipFile(io.BytesIO(archive_of(run))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_date_is_set_if_the_template_uses_it(user: User, photos: list[MediaResource]) -> None:
    run = finished_run(user, entry(photos[0]), naming_convention_template="{date}_{index:03}")

    assert item_of(run).name == f"{run.created_at.date().isoformat()}_001.webp"
    assert item_of(run).values["date"] == run.created_at.date().isoformat()


def test_a_run_uses_the_configuration_as_it_was_at_the_start(
    user: User, photos: list[MediaResource]
) -> None:
    configuration = ExportConfiguration.objects.create(
        user=user, image_format="PNG", naming_convention_template="{index}"
    )
    run = start(user, entry(photos[0]), configuration=configuration)

    configuration.delete()

    assert next(iter(files_of(run_to_end(run)))) == "1.png"
    assert run.template == "{index}"


def test_the_largest_archive_fits_into_a_multipart_upload() -> None:
    headers = MAX_FILES * 4096  # more than the headers of an archive need

    assert MAX_ARCHIVE_BYTES + headers < MAX_PARTS * PART_BYTES


@pytest.mark.usefixtures("db")
def test_a_selection_without_files_starts_nothing(user: User) -> None:
    with pytest.raises(NothingToExportError):
        start(user)

    assert not ExportRun.objects.filter(user=user).exists()


def test_a_selection_of_too_many_files_starts_nothing(
    user: User, photos: list[MediaResource]
) -> None:
    with pytest.raises(TooManyFilesError):
        start(user, *[entry(photos[0])] * (MAX_FILES + 1))

    assert not ExportRun.objects.filter(user=user).exists()
    assert not ExportItem.objects.filter(run__user=user).exists()


def test_only_the_archive_is_left(user: User, photos: list[MediaResource]) -> None:
    run = finished_run(user, *map(entry, photos))

    delete_due_objects()

    assert stored_keys() == [run.archive_key]
    assert not ObjectDeletion.objects.filter(key__startswith="exports/").exists()


def test_a_running_export_has_no_download(user: User, photos: list[MediaResource]) -> None:
    run = start(user, *map(entry, photos))

    with pytest.raises(ExportNotFinishedError):
        runs.sign_download(user=user, run_id=run.pk)


def test_archives_are_discarded_after_seven_days(user: User, photos: list[MediaResource]) -> None:
    old_run, recent_run = (finished_run(user, entry(photos[0])) for _ in range(2))
    week = timedelta(days=7)
    assert ExportRun.objects.filter(expires_at=F("finished_at") + week).count() == 2
    long_ago = F("expires_at") - week - timedelta(seconds=1)
    ExportRun.objects.filter(pk=old_run.pk).update(expires_at=long_ago)

    discarded = [retention.discard_expired().discarded for _ in range(2)]
    delete_due_objects()

    old_run.refresh_from_db()
    assert discarded == [1, 0]
    assert old_run.status == RunStatus.EXPIRED
    assert stored_keys() == [recent_run.archive_key]
    with pytest.raises(ExportExpiredError, match=r"^The archive has expired and was deleted\."):
        runs.sign_download(user=user, run_id=old_run.pk)


def test_only_the_given_export_is_packed(user: User, photos: list[MediaResource]) -> None:
    other_run, run = (start(user, entry(photos[0])) for _ in range(2))
    for item_id in (*item_ids(other_run), *item_ids(run)):
        convert_item.produce(item_id)

    build_archive.assemble(run.pk)

    other_run.refresh_from_db()
    run.refresh_from_db()
    assert (other_run.status, run.status) == (RunStatus.RUNNING, RunStatus.COMPLETED)


def test_an_export_starts_with_its_first_file(user: User, photos: list[MediaResource]) -> None:
    run = start(user, entry(photos[0]), entry(photos[1]))
    first, second = item_ids(run)
    convert_item.produce(first)
    run.refresh_from_db()
    started_at = run.started_at

    convert_item.produce(second)

    run.refresh_from_db()
    assert started_at is not None
    assert run.started_at == started_at
