"""Files that ingest refuses: one code for each, and nothing is left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from accounts.models import User
from media.errors import RequestFilesTooLargeError, StoreUnavailableError
from media.models import MediaResource, ObjectDeletion, UploadState
from media.storage import ObjectHead, ObjectHeaders
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.factories import (
    counts,
    drain,
    ingest,
    key_of,
    photo,
    ticket,
    upload_file,
    upload_of,
)
from media.tests.rules.file_types.specimens import (
    NOT_ACCEPTED_FILES,
    VALID_FILES,
    WITH_DECLARED_SIZE,
    animation,
    archive,
    png,
    scans,
    still,
)
from media.tests.stores import memory_stores
from sartiq.core.errors import InvalidValuesError, UnavailableError

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "html as png": ("image/png", NOT_ACCEPTED_FILES["html"], "content_type_mismatch"),
    "jpeg as png": ("image/png", still("image/jpeg"), "content_type_mismatch"),
    "svg as webp": ("image/webp", NOT_ACCEPTED_FILES["svg"], "content_type_mismatch"),
    "exe as zip": ("application/zip", NOT_ACCEPTED_FILES["exe"], "content_type_mismatch"),
    "heic as avif": ("image/avif", NOT_ACCEPTED_FILES["heic"], "content_type_mismatch"),
    "docx as pdf": ("application/pdf", NOT_ACCEPTED_FILES["docx"], "content_type_mismatch"),
    "cut jpeg": ("image/jpeg", still("image/jpeg")[:-100], "file_truncated"),
    "cut png": ("image/png", still("image/png")[:-100], "file_truncated"),
    "cut pdf": ("application/pdf", VALID_FILES["application/pdf"]()[:-40], "file_truncated"),
    "empty": ("image/png", b"", "file_empty"),
    "zip that climbs out": ("application/zip", archive({"../x": b"1"}), "archive_rejected"),
    "too many frames": ("image/gif", animation("image/gif", 1001, (1, 1)), "image_too_large"),
    **{
        f"flood of {content_type}": (content_type, build(65_535, 65_535), "image_too_large")
        for content_type, build in WITH_DECLARED_SIZE.items()
        if content_type != "image/webp"  # its header cannot say so much
    },
    "flood of image/webp": (
        "image/webp",
        WITH_DECLARED_SIZE["image/webp"](16_384, 16_384),
        "image_too_large",
    ),
    "many scans": ("image/jpeg", scans(300, (4000, 4000)), "image_too_many_scans"),
    "flood of gray": ("image/png", png(16_384, 1), "image_too_large"),
}


@pytest.mark.covers("T30", "T31", "T32", "T34", "I14")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_bad_file_is_refused_with_its_own_code(
    memory: MemoryStore, user: User, name: str
) -> None:
    content_type, body, code = REFUSED[name]
    url = upload_file(memory, user, body, content_type=content_type)

    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [url])

    (issue,) = excinfo.value.issues
    assert (issue.loc, issue.code, issue.input) == (("body", "images", 0), code, url)
    assert url not in issue.message
    drain()
    assert memory.keys() == []
    assert counts() == {"Upload": 1, "MediaResource": 0, "Attachment": 0, "ObjectDeletion": 0}
    assert (upload_of(url).state, upload_of(url).refusal) == (UploadState.EXPIRED, code)


@pytest.mark.covers("T02", "T31")
def test_a_huge_file_of_undeclared_size_is_refused_without_reading_it(
    memory: MemoryStore, user: User
) -> None:
    url = upload_file(memory, user, bytes(60_000_000))
    opened_keys: list[str] = []
    memory.before = lambda operation, key: opened_keys.append(key) if operation == "open" else None

    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [url])

    assert [issue.code for issue in excinfo.value.issues] == ["file_too_large"]
    assert opened_keys == []
    drain()
    assert memory.keys() == []


@pytest.mark.covers("T02")
def test_a_file_of_the_maximum_size_is_accepted(memory: MemoryStore, user: User) -> None:
    frame = b"\xff\xfb\x90\x64" + bytes(413)
    body = frame * (52_428_800 // len(frame))
    url = upload_file(memory, user, body, content_type="audio/mpeg", size=len(body))

    (resource,) = ingest(user, [url])

    assert resource.file_size == len(body)
    assert 52_428_800 - resource.file_size < len(frame)


# --- The whole request ----------------------------------------------------------------------------
class OversizedStore(MemoryStore):
    """A store that reports a size of 50 MiB for its objects."""

    def head(self, key: str) -> ObjectHead:
        return replace(super().head(key), size=50 * MIB)


@contextmanager
def oversized_store() -> Iterator[MemoryStore]:
    store = OversizedStore()
    with memory_stores(store):
        yield store


@pytest.mark.covers("I14")
def test_a_request_may_have_500_mib_of_files(user: User) -> None:
    with oversized_store() as store:
        urls = [upload_file(store, user, photo(number)) for number in range(11)]
        opened_keys: list[str] = []
        store.before = lambda operation, key: (
            opened_keys.append(key) if operation == "open" else None
        )
        with pytest.raises(RequestFilesTooLargeError) as excinfo:
            ingest(user, urls)
        opened_before_refusal = list(opened_keys)
        resources = ingest(user, urls[:10])

    assert excinfo.value.ctx == {"limit": 500 * MIB, "size": 550 * MIB}
    assert opened_before_refusal == []
    assert len(opened_keys) == len(resources) == 10
    assert not ObjectDeletion.objects.exists()


# --- Stores that fail during the check ------------------------------------------------------------
@pytest.mark.covers("F14", "F15", "I14")
@pytest.mark.parametrize("operation", ["head", "open"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_ingested_when_the_store_fails(
    memory: MemoryStore, user: User, operation: str, when: str
) -> None:
    urls = [upload_file(memory, user, photo(number)) for number in range(3)]
    before, third = counts(), key_of(urls[2])

    def fail(called: str, key: str) -> None:
        if called == operation and key == third:
            raise StoreUnavailableError

    setattr(memory, when, fail)
    with pytest.raises(UnavailableError):
        ingest(user, urls)
    setattr(memory, when, nothing)

    assert counts() == before
    assert len(memory.keys()) == 3
    assert len(ingest(user, urls)) == 3


@pytest.mark.covers("F18", "I14")
@pytest.mark.parametrize("operation", ["head", "open"])
def test_an_object_deleted_during_the_check_is_not_found(
    memory: MemoryStore, user: User, operation: str
) -> None:
    url, other_url = upload_file(memory, user, photo(1)), upload_file(memory, user, photo(2))
    before = counts()

    def delete_object(called: str, key: str) -> None:
        if called == operation and key == key_of(url):
            memory.delete_many([key])

    memory.before = delete_object
    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [other_url, url])

    assert [(issue.loc[-1], issue.code) for issue in excinfo.value.issues] == [
        (1, "file_not_found")
    ]
    assert counts() == before


@pytest.mark.covers("T03", "F18")
def test_bytes_replaced_between_head_and_get_are_refused(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user, photo(1))

    def replace_bytes(called: str, key: str) -> None:
        if called == "open":
            memory.put(key, photo(2), headers=ObjectHeaders(content_type="image/png"))

    memory.before = replace_bytes
    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [url])

    assert [issue.code for issue in excinfo.value.issues] == ["source_changed"]
    assert not MediaResource.objects.exists()


@pytest.mark.covers("I14")
def test_an_upload_url_without_an_upload_is_not_found(memory: MemoryStore, user: User) -> None:
    urls = [ticket(user).file_url for _ in range(3)]

    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, urls)

    assert [issue.code for issue in excinfo.value.issues] == ["file_not_found"] * 3
