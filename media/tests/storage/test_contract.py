"""The contract of the stores, tested on each of them."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from media.errors import KeyRefusedError, ObjectNotFoundError, PreconditionFailedError
from media.storage import ObjectHeaders
from media.storage.s3.multipart import PART_BYTES
from media.tests.storage.conftest import Backend

PNG = ObjectHeaders(content_type="image/png")
ABSENT = ["media/none/file.png", "media/../x", "/x", "x//y", "", "\ud800", "x" * 2000]


def read(backend: Backend, key: str, **how: object) -> bytes:
    with backend.store.open(key, **how) as reader:  # type: ignore[arg-type]  # test shorthand
        return b"".join(reader)


def test_an_object_that_was_put_can_be_read(backend: Backend, prefix: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    key = prefix + "file.png"

    head = backend.store.put(key, b"shoe", headers=PNG)

    assert head == backend.store.head(key)
    assert (head.key, head.size, head.content_type) == (key, 4, "image/png")
    assert before <= head.last_modified <= datetime.now(UTC) + timedelta(seconds=1)
    assert '"' not in head.etag
    assert read(backend, key) == b"shoe"


def test_the_age_of_objects_is_measured_by_the_stores_clock(backend: Backend, prefix: str) -> None:
    head = backend.store.put(prefix + "file.png", b"shoe", headers=PNG)

    store_time = backend.store.clock()
    assert store_time is not None

    assert store_time.tzinfo is not None
    assert abs(store_time - head.last_modified) < timedelta(seconds=5)


def test_put_replaces(backend: Backend, prefix: str) -> None:
    first = backend.store.put(prefix + "a", b"one", headers=PNG)

    second = backend.store.put(
        prefix + "a", b"three", headers=ObjectHeaders(content_type="image/gif")
    )

    assert first.etag != second.etag
    assert (second.size, second.content_type) == (5, "image/gif")
    assert read(backend, prefix + "a") == b"three"


def test_an_empty_object_is_an_object(backend: Backend, prefix: str) -> None:
    head = backend.store.put(prefix + "empty", b"", headers=PNG)

    assert head.size == 0
    assert read(backend, prefix + "empty") == b""


@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 5])
def test_a_stream_of_any_length_is_stored_whole(backend: Backend, prefix: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    pieces = (body[start : min(start + 1_000_003, size)] for start in range(0, size, 1_000_003))

    head = backend.store.put(prefix + "large", pieces, headers=PNG)

    assert head.size == size
    assert hashlib.sha256(read(backend, prefix + "large")).digest() == (
        hashlib.sha256(body[:size]).digest()
    )
    backend.store.delete_many([prefix + "large"])


def test_a_stream_that_fails_leaves_nothing(backend: Backend, prefix: str) -> None:
    def failing() -> object:
        yield b"x" * (PART_BYTES + 1)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        backend.store.put(prefix + "cut", failing(), headers=PNG)  # type: ignore[arg-type]  # a generator

    assert list(backend.store.list(prefix)) == []


@pytest.mark.parametrize("key", ABSENT)
def test_a_missing_object_is_not_found(backend: Backend, prefix: str, key: str) -> None:
    with pytest.raises(ObjectNotFoundError):
        backend.store.head(key)
    with pytest.raises(ObjectNotFoundError):
        backend.store.open(key)
    with pytest.raises(ObjectNotFoundError):
        backend.store.copy(key, prefix + "copy", if_match="0" * 32, headers=PNG)


@pytest.mark.parametrize("key", ["media/../x", "/x", "x//y", "", "x\x00", "\ud800"])
def test_nothing_is_stored_under_an_unclean_key(backend: Backend, prefix: str, key: str) -> None:
    head = backend.store.put(prefix + "a", b"a", headers=PNG)

    with pytest.raises(KeyRefusedError):
        backend.store.put(key, b"x", headers=PNG)
    with pytest.raises(KeyRefusedError):
        backend.store.copy(prefix + "a", key, if_match=head.etag, headers=PNG)


def test_open_pins_the_etag(backend: Backend, prefix: str) -> None:
    old_head = backend.store.put(prefix + "a", b"one", headers=PNG)
    new_head = backend.store.put(prefix + "a", b"two", headers=PNG)

    assert read(backend, prefix + "a", if_match=new_head.etag) == b"two"
    with pytest.raises(PreconditionFailedError):
        backend.store.open(prefix + "a", if_match=old_head.etag)


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 4, b"3456"), (0, 1, b"0"), (9, 5, b"9")],
)
def test_open_reads_a_range(
    backend: Backend, prefix: str, offset: int, length: int | None, expected: bytes
) -> None:
    backend.store.put(prefix + "a", b"0123456789", headers=PNG)

    with backend.store.open(prefix + "a", offset=offset, length=length) as reader:
        assert reader.head.size == 10
        assert b"".join(reader) == expected


def test_copy_keeps_the_bytes_and_replaces_the_headers(backend: Backend, prefix: str) -> None:
    source = backend.store.put(prefix + "a", b"shoe", headers=PNG)

    backend.store.copy(
        prefix + "a",
        prefix + "b",
        if_match=source.etag,
        headers=ObjectHeaders(content_type="application/pdf", cache_control="public, max-age=9"),
    )

    copied_head = backend.store.head(prefix + "b")
    assert (copied_head.size, copied_head.content_type) == (4, "application/pdf")
    assert copied_head.etag == source.etag
    assert read(backend, prefix + "b") == b"shoe"
    assert backend.store.head(prefix + "a").content_type == "image/png"


@pytest.mark.covers("T03")
def test_copy_of_changed_bytes_is_refused(backend: Backend, prefix: str) -> None:
    old_head = backend.store.put(prefix + "a", b"one", headers=PNG)
    backend.store.put(prefix + "a", b"two", headers=PNG)

    with pytest.raises(PreconditionFailedError):
        backend.store.copy(prefix + "a", prefix + "b", if_match=old_head.etag, headers=PNG)

    assert [listing.key for listing in backend.store.list(prefix)] == [prefix + "a"]


def test_delete_removes_exactly_the_given_keys(backend: Backend, prefix: str) -> None:
    for name in ("a", "a2", "b/c", "b/d"):
        backend.store.put(prefix + name, b"x", headers=PNG)

    failures = backend.store.delete_many(
        [prefix + "a", prefix + "b/c", prefix + "absent", prefix + "b", prefix + "*", "../x", ""]
    )

    assert failures == []
    assert [listing.key for listing in backend.store.list(prefix)] == [
        prefix + "a2",
        prefix + "b/d",
    ]
    assert backend.store.delete_many([prefix + "a"]) == []


def test_delete_accepts_more_keys_than_one_request_can_have(backend: Backend, prefix: str) -> None:
    backend.store.put(prefix + "0000", b"x", headers=PNG)
    backend.store.put(prefix + "1100", b"x", headers=PNG)

    failures = backend.store.delete_many(f"{prefix}{number:04}" for number in range(1_101))

    assert failures == []
    assert list(backend.store.list(prefix)) == []


def test_list_is_in_byte_order_and_resumes(backend: Backend, prefix: str) -> None:
    names = ["a-b", "a.b", "aa", "B", "b/1", "b/2/3", "c", "z/1"]
    for name in names:
        backend.store.put(prefix + name, name.encode(), headers=PNG)
    in_order = [prefix + name for name in sorted(names)]

    listings = list(backend.store.list(prefix))

    assert [listing.key for listing in listings] == in_order
    assert [listing.size for listing in listings] == [len(name) for name in sorted(names)]
    assert listings[0].etag == backend.store.head(in_order[0]).etag
    assert listings[0].last_modified.tzinfo is not None
    assert [listing.key for listing in backend.store.list(prefix + "a")] == in_order[1:4]
    assert [listing.key for listing in backend.store.list(prefix, limit=3)] == in_order[:3]
    assert [listing.key for listing in backend.store.list(prefix, after=in_order[2])] == in_order[
        3:
    ]
    assert list(backend.store.list(prefix, limit=0)) == []
    assert list(backend.store.list(prefix + "none/")) == []


@pytest.mark.covers("T08")
@pytest.mark.parametrize(
    "key", ["media/x/file.png", "images/a.png", "loras/a", "temp/x", "", "temp/../media/x"]
)
def test_only_a_temp_key_can_be_signed_for_a_put(backend: Backend, key: str) -> None:
    with pytest.raises(KeyRefusedError):
        backend.sign(key)


@pytest.mark.covers("T11")
@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(days=8)])
def test_a_signature_is_valid_for_seven_days_at_most(
    backend: Backend, temp_key: str, lifetime: timedelta
) -> None:
    with pytest.raises(ValueError, match="lifetime of a signed URL"):
        backend.sign(temp_key, lifetime=lifetime)
    with pytest.raises(ValueError, match="lifetime of a signed URL"):
        backend.store.sign_get(temp_key, lifetime=lifetime)


def test_a_declared_checksum_is_returned_by_head(backend: Backend, temp_key: str) -> None:
    digest = hashlib.sha256(b"shoe").hexdigest()
    signed = backend.sign(temp_key, sha256=digest, size=4)

    status = backend.client_put(signed, b"shoe")

    assert status == 200
    assert backend.store.head(temp_key).sha256 == digest


def test_the_headers_to_send_are_exact(backend: Backend, temp_key: str) -> None:
    plain_put = backend.sign(temp_key)
    full_put = backend.sign(temp_key, size=4, sha256="00" * 32, write_once=True)

    assert plain_put.method == full_put.method == "PUT"
    assert plain_put.headers == {"Content-Type": "image/png"}
    assert full_put.headers == {
        "Content-Type": "image/png",
        "x-amz-checksum-sha256": "A" * 43 + "=",
        "If-None-Match": "*",
    }
