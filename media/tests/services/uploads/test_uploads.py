from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from media.errors import (
    ContentTypeNotAllowedError,
    FileNameRefusedError,
    FileTooLargeError,
    FileTooSmallError,
    ImageRequiredError,
    KeyRefusedError,
    SizeConflictError,
    UploadRefusedError,
)
from media.models import Upload, UploadState
from media.rules import keys
from media.services import uploads
from media.services.uploads import DeclaredFile
from media.storage import ObjectStore
from media.storage.local.store import LocalStore
from media.storage.testing.memory import MemoryStore
from media.tests.factories import NAMES, client_put, key_of, ticket
from sartiq.core.errors import InvalidError, NotPermittedError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory")]

NOW = datetime(2026, 3, 1, 12, 0, 30, 999_999, tzinfo=UTC)
MAX_FILE_BYTES = 52_428_800
MIN_LIFETIME_SECONDS = 900
BYTES_IN_MIN_LIFETIME = MIN_LIFETIME_SECONDS * 32 * 1024  # at the slowest rate we allow for


def issue(user: User, **changes: Any) -> uploads.UploadTicket:
    organization_id = changes.pop("organization_id", None)
    now = changes.pop("now", NOW)
    values: dict[str, Any] = {"filename": "shoe.png", "content_type": "image/png"}
    file = DeclaredFile(**(values | changes))
    return uploads.issue_ticket(user=user, file=file, now=now, organization_id=organization_id)


@pytest.mark.covers("T02")
@pytest.mark.parametrize(
    ("size", "lifetime"),
    [
        (None, 900),
        (1, 900),
        (BYTES_IN_MIN_LIFETIME, 900),
        (BYTES_IN_MIN_LIFETIME + 1, 901),
        (MAX_FILE_BYTES - 1, 1600),
        (MAX_FILE_BYTES, 1600),
    ],
)
def test_an_upload_url_is_valid_as_long_as_the_upload_may_take(
    user: User, size: int | None, lifetime: int
) -> None:
    new_ticket = issue(user, size=size)

    row = Upload.objects.get()
    assert new_ticket.lifetime == timedelta(seconds=lifetime)
    assert new_ticket.max_file_size == MAX_FILE_BYTES
    assert row.declared_size == size
    assert row.expires_at == NOW + timedelta(seconds=lifetime)


@pytest.mark.covers("T02", "I14")
@pytest.mark.parametrize(
    ("size", "error"),
    [
        (0, FileTooSmallError),
        (-1, FileTooSmallError),
        (MAX_FILE_BYTES + 1, FileTooLargeError),
        (10**9, FileTooLargeError),
    ],
)
def test_a_size_outside_the_limits_writes_no_row(
    user: User, size: int, error: type[InvalidError]
) -> None:
    with pytest.raises(error) as excinfo:
        issue(user, size=size)

    assert excinfo.value.loc == ("body", "file_size")
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("size", "file_size", "expected"),
    [(None, None, None), (5, None, 5), (None, 7, 7), (9, 9, 9)],
)
def test_both_names_of_the_size_are_accepted(
    size: int | None, file_size: int | None, expected: int | None
) -> None:
    assert uploads.declared_size(size=size, file_size=file_size) == expected


@pytest.mark.parametrize(
    ("declared", "error", "name"),
    [
        ({"size": 5, "file_size": 6}, SizeConflictError, "size"),
        ({"size": 0, "file_size": None}, FileTooSmallError, "size"),
        ({"size": None, "file_size": 0}, FileTooSmallError, "file_size"),
        ({"size": MAX_FILE_BYTES + 1, "file_size": None}, FileTooLargeError, "size"),
    ],
)
def test_the_error_names_the_size_parameter_that_was_sent(
    declared: dict[str, int | None], error: type[InvalidError], name: str
) -> None:
    with pytest.raises(error) as excinfo:
        uploads.declared_size(**declared)

    assert excinfo.value.loc == ("body", name)


def test_an_upload_row_has_everything_that_was_declared(user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    digest = "AB" * 32

    new_ticket = issue(
        user,
        filename="../Été shoe.JPEG",
        size=1234,
        sha256=digest,
        folder="product-images",
        organization_id=organization.pk,
    )

    row = Upload.objects.get()
    assert row.key == key_of(new_ticket.file_url)
    assert row.key == f"temp/{row.pk}_{int(NOW.timestamp())}_Ete_shoe.png"
    assert (row.user_id, row.organization_id) == (user.pk, organization.pk)
    assert (row.filename, row.folder) == ("../Été shoe.JPEG", "product-images")
    assert (row.content_type, row.declared_size) == ("image/png", 1234)
    assert row.sha256 == digest.lower()
    assert (row.state, row.refusal, row.etag, row.resource_id) == (UploadState.ISSUED, "", "", None)


@pytest.mark.parametrize("content_type", sorted(NAMES))
def test_each_of_the_nine_types_gets_an_upload_url(user: User, content_type: str) -> None:
    new_ticket = ticket(user, content_type=content_type)

    assert new_ticket.put.method == "PUT"
    assert dict(new_ticket.put.headers) == {"Content-Type": content_type}
    assert new_ticket.put.token is None


@pytest.mark.covers("T34", "I14")
@pytest.mark.parametrize(
    "content_type",
    ["image/svg+xml", "text/html", "image/tiff", "IMAGE/PNG", "image/png; a=b", "", " image/png"],
)
def test_every_other_type_is_refused_without_a_row(user: User, content_type: str) -> None:
    with pytest.raises(ContentTypeNotAllowedError) as excinfo:
        issue(user, content_type=content_type)

    assert excinfo.value.loc == ("body", "content_type")
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "folder", ["product-images", "style-images", "subject-images", "background-images"]
)
def test_an_image_folder_refuses_other_files(user: User, folder: str) -> None:
    with pytest.raises(ImageRequiredError):
        issue(user, folder=folder, content_type="application/pdf")
    issue(user, folder=folder)

    assert Upload.objects.get().folder == folder


@pytest.mark.parametrize("folder", [None, "", "anything at all", "x" * 255])
def test_any_other_folder_is_only_stored(user: User, folder: str | None) -> None:
    issue(user, folder=folder, content_type="application/pdf")

    assert Upload.objects.get().folder == (folder or "")


@pytest.mark.covers("T20", "I14")
@pytest.mark.parametrize("filename", ["a\x00b.png", "a\r\nb.png", "a\tb", "\x7f"])
def test_control_characters_in_a_name_leave_no_row(user: User, filename: str) -> None:
    with pytest.raises(FileNameRefusedError) as excinfo:
        issue(user, filename=filename)

    assert excinfo.value.loc == ("body", "filename")
    assert not Upload.objects.exists()


@pytest.mark.covers("T20")
@pytest.mark.parametrize(
    "filename", ["", "...", "/", "😀", "x" * 10_000, "a/../b", "CON", "%2e%2e"]
)
def test_any_other_name_is_cleaned(user: User, filename: str) -> None:
    new_ticket = issue(user, filename=filename)

    assert keys.TEMP_KEY.fullmatch(key_of(new_ticket.file_url))
    assert Upload.objects.get().filename == filename[:255]


def test_another_users_organization_is_refused_without_a_row(user: User) -> None:
    for organization_id in (OrganizationFactory.create().pk, uuid4()):
        with pytest.raises(NotPermittedError):
            issue(user, organization_id=organization_id)

    assert not Upload.objects.exists()


@pytest.mark.covers("T05")
def test_keys_created_in_the_same_second_are_unguessable(user: User) -> None:
    urls = [issue(user).file_url for _ in range(1000)]

    names = [key_of(url).removeprefix("temp/") for url in urls]
    random_parts = {name[20:36] for name in names}  # of the UUID, whose first part is the time
    assert len(set(urls)) == 1000
    assert len(random_parts) == 1000


def test_an_upload_url_takes_one_query(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        issue(user)


@pytest.mark.covers("T08")
@pytest.mark.parametrize(
    "key",
    [
        "media/0190d9f0-0000-7000-8000-000000000000/file.png",
        "images/legacy.png",
        "loras/0190d9f0-0000-7000-8000-000000000000/model.pt",
        "temp/",
        "temp/../media/x",
        "temp/short_1700000000_a.png",
        "temp/0190d9f0-0000-7000-8000-000000000000_1700000000_a/b.png",
        "temp/0190d9f0-0000-7000-8000-000000000000_1700000000_a.png\n",
    ],
)
def test_no_store_signs_a_put_to_any_other_key(any_store: ObjectStore, key: str) -> None:
    with pytest.raises(KeyRefusedError):
        any_store.sign_put(
            key,
            content_type="image/png",
            size=None,
            sha256=None,
            lifetime=timedelta(minutes=15),
        )


@pytest.mark.covers("T02", "T11")
def test_the_store_accepts_only_the_declared_file(any_store: ObjectStore) -> None:
    user = UserFactory.create()
    new_ticket = ticket(user, size=10)

    refused_statuses = []
    for body in (b"x" * 9, b"x" * 11, b""):
        try:
            refused_statuses.append(client_put(any_store, new_ticket.put, body) != 200)
        except UploadRefusedError:  # the route of the local store responds to it with 403
            refused_statuses.append(True)

    assert refused_statuses == [True, True, True]
    assert client_put(any_store, new_ticket.put, b"x" * 10) == 200


@pytest.mark.covers("T04")
def test_a_write_once_upload_says_which_header_to_send(
    user: User, memory: MemoryStore, settings: Settings
) -> None:
    settings.UPLOADS_WRITE_ONCE = True

    new_ticket = issue(user, now=datetime.now(UTC))

    assert dict(new_ticket.put.headers) == {"Content-Type": "image/png", "If-None-Match": "*"}
    assert client_put(memory, new_ticket.put, b"first") == 200
    assert client_put(memory, new_ticket.put, b"2") == 412


def test_the_local_store_gives_a_token(folder: LocalStore, user: User) -> None:
    new_ticket = issue(user, now=datetime.now(UTC))

    assert new_ticket.put.token
    assert new_ticket.put.url.endswith(f"/api/v1/uploads/local/{new_ticket.put.token}")
