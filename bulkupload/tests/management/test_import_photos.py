"""The command that imports the photos of a folder or a ZIP."""

import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError

from accounts.models import Role, User
from accounts.tests.factories import MembershipFactory
from bulkupload.management.commands import import_photos
from bulkupload.models import PhotoBatch
from bulkupload.services.photos.local_files import LocalPhoto
from bulkupload.tests.importing_photos import fill, run
from bulkupload.tests.photo_batches import image_hashes, product, short_hashes
from media.errors import StoreUnavailableError
from media.models import MediaResource
from media.tests.factories import photo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]

NAMES = ("AW-1_front.png", "day 1/AW-1_2.png", "day 2/AW-1_2.png")


def test_a_folder_is_attached(user: User, tmp_path: Path) -> None:
    shoe = product(user, "AW-1")
    folder = fill(tmp_path, *NAMES, ".hidden.png", "notes.txt")

    counts = run(folder, "--user", user.email)

    assert counts == {"ready": 3, "other_files": 1}
    assert {slot: len(hashes) for slot, hashes in image_hashes(shoe).items()} == {
        "cover_image": 1,
        "images": 2,
    }
    second_counts = run(folder, "--user", user.email, "--replace")
    assert second_counts == {"ready": 3, "other_files": 1}
    assert MediaResource.objects.count() == 3


def test_a_template_reads_the_names_and_the_slots_are_replaced(user: User, tmp_path: Path) -> None:
    shoe = product(user, "AW-1")
    template = ["--template", "{shot_type} {product_sku}"]
    first_folder = fill(tmp_path / "first", "back AW-1.png", "detail AW-1.png")
    second_folder = fill(tmp_path / "second", "unread.png", "more.png", "back AW-1.png")

    assert run(first_folder, "--user", user.email, *template) == {"ready": 2}
    with pytest.raises(CommandError, match="Not every photo"):
        run(second_folder, "--user", user.email, *template, "--replace")

    assert image_hashes(shoe) == {"back_image": short_hashes(3), "images": short_hashes(2)}


def test_a_zip_is_attached_for_an_organization(tmp_path: Path) -> None:
    owner = MembershipFactory.create(role=Role.OWNER)
    shoe = product(owner.user, "AW-1", organization=owner.organization)
    archive = tmp_path / "shoot.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("__MACOSX/AW-1_front.png", b"x")
        for number, name in enumerate(NAMES):
            target.writestr(name, photo(number))

    assert run(archive, "--organization", owner.organization.pk) == {"ready": 3}
    assert len(image_hashes(shoe)["images"]) == 2
    assert PhotoBatch.objects.get().user == owner.user


def test_what_is_not_attached_is_in_the_report(user: User, tmp_path: Path) -> None:
    product(user, "AW-1")
    folder, target = fill(tmp_path / "shoot", "AW-1.png", "other.png"), tmp_path / "report.csv"

    with pytest.raises(CommandError) as error:
        run(folder, "--user", user.email, "--report", target)

    assert error.value.returncode == import_photos.NOT_ALL_ATTACHED
    assert [line.split(",")[:4] for line in target.read_text("utf-8-sig").splitlines()] == [
        ["file", "product", "slot", "outcome"],
        ["AW-1.png", "AW-1", "images", "ready"],
        ["other.png", "", "", "failed"],
    ]


def test_a_dry_run_attaches_nothing(user: User, tmp_path: Path) -> None:
    for sku in ("AW-1", "BW-1", "bw_1"):
        product(user, sku)
    folder = fill(tmp_path / "shoot", "AW-1_front.png", "bw1.png", "other.png")
    target = tmp_path / "report.csv"

    with pytest.raises(CommandError) as error:
        run(folder, "--user", user.email, "--dry-run", "--report", target)

    assert error.value.returncode == import_photos.NOT_ALL_ATTACHED
    assert str(error.value) == import_photos.NOT_ALL_MATCH
    assert target.read_text("utf-8-sig").splitlines() == [
        "file,product,slot,outcome,reason",
        "AW-1_front.png,AW-1,cover_image,matched,",
        "bw1.png,BW-1 or bw_1,,ambiguous,",
        "other.png,,,unmatched,",
    ]
    assert not PhotoBatch.objects.exists()


def test_more_photos_than_a_batch_takes_are_refused(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_photos, "MAX_PHOTOS", 2)

    with pytest.raises(CommandError, match="There are 3 photos, and a batch has at most 2"):
        run(fill(tmp_path, *NAMES), "--user", user.email)

    assert not PhotoBatch.objects.exists()


def test_photos_are_declared_in_several_requests(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_photos, "MAX_REQUEST_PHOTOS", 2)
    shoe = product(user, "AW-1")

    assert run(fill(tmp_path, *NAMES), "--user", user.email) == {"ready": 3}

    assert PhotoBatch.objects.count() == 1
    assert len(image_hashes(shoe)["images"]) == 2


@pytest.mark.parametrize(
    ("step", "failure", "message"),
    [
        ("_step", KeyboardInterrupt(), "cancelled"),
        ("upload", KeyboardInterrupt(), "cancelled"),
        ("upload", StoreUnavailableError(), "unavailable"),
    ],
)
def test_an_interrupted_import_is_cancelled(
    user: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    step: str,
    failure: BaseException,
    message: str,
) -> None:
    product(user, "AW-1")

    def interrupt(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(import_photos, step, interrupt)
    with pytest.raises(CommandError, match=message) as error:
        run(fill(tmp_path, "AW-1.png"), "--user", user.email)

    assert error.value.returncode == import_photos.FAILED
    assert PhotoBatch.objects.get().status == "CANCELLED"


def test_an_import_interrupted_while_it_reads_writes_nothing(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalPhoto, "declared_with_hash", interrupt)
    with pytest.raises(CommandError, match="cancelled") as error:
        run(fill(tmp_path, "AW-1.png"), "--user", user.email)

    assert error.value.returncode == import_photos.FAILED
    assert not PhotoBatch.objects.exists()
