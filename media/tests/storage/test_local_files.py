"""Files and metadata of the local store."""

import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from media.errors import StoreUnavailableError
from media.storage import ObjectHeaders
from media.storage.local.store import LocalStore

PNG = ObjectHeaders(content_type="image/png")
KEY = f"media/{uuid4()}/file.png"
BODY = b"0123456789"


def test_an_upload_leaves_nothing_half_written(
    local_store: LocalStore, temp_key: str, tmp_path: Path
) -> None:
    signed = local_store.sign_put(
        temp_key, content_type="image/png", size=10, sha256=None, lifetime=timedelta(minutes=1)
    )
    headers = {"content-type": "image/png", "content-length": "10"}

    with pytest.raises(Exception, match="signed"):
        local_store.receive(signed.token or "", headers, [b"hello"])

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] in ([], [".lock"])


def test_a_file_copied_into_the_folder_is_an_object(
    local_store: LocalStore, tmp_path: Path
) -> None:
    local_store.create()
    folder = tmp_path / "sartiq-media" / "images"
    folder.mkdir()
    (folder / "old shoe.jpg").write_bytes(BODY)

    head = local_store.head("images/old shoe.jpg")

    assert (head.size, head.content_type, head.sha256) == (10, "image/jpeg", None)
    (folder / "old shoe.jpg").write_bytes(b"changed")
    assert local_store.head("images/old shoe.jpg").etag != head.etag


def test_a_disk_error_is_an_outage(local_store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "sartiq-media").write_bytes(b"a file where a folder should be")

    with pytest.raises(StoreUnavailableError):
        local_store.put("media/a", BODY, headers=PNG)


@pytest.mark.covers("T03")
def test_readers_never_see_new_bytes_with_old_metadata(local_store: LocalStore) -> None:
    bodies = {letter * size: size for letter, size in ((b"a", 5), (b"b", 5), (b"c", 9))}
    local_store.put(KEY, b"aaaaa", headers=ObjectHeaders(content_type="type/aaaaa"))
    stop = threading.Event()

    def write(body: bytes) -> None:
        while not stop.is_set():
            local_store.put(KEY, body, headers=ObjectHeaders(content_type=f"type/{body.decode()}"))

    writers = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for writer in writers:
        writer.start()
    bodies_read = set()
    for _ in range(300):
        with local_store.open(KEY) as reader:
            bodies_read.add((reader.head.content_type, reader.head.size, b"".join(reader)))
    stop.set()
    for writer in writers:
        writer.join()

    assert bodies_read <= {(f"type/{body.decode()}", size, body) for body, size in bodies.items()}
    assert len(bodies_read) > 1


def test_replaced_and_deleted_objects_leave_no_metadata(
    local_store: LocalStore, tmp_path: Path
) -> None:
    local_store.put(KEY, b"one", headers=PNG)
    local_store.put(KEY, b"two", headers=PNG)
    metadata_files = [path for path in (tmp_path / ".metadata").rglob("*") if path.is_file()]

    local_store.delete_many([KEY])

    assert len(metadata_files) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_key_that_cannot_be_deleted_is_reported(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.put("media/a", BODY, headers=PNG)
    [metadata_file] = (tmp_path / ".metadata" / "sartiq-media" / "media").iterdir()
    metadata_file.unlink()
    metadata_file.mkdir()  # an entry that unlink rejects for any user

    failures = local_store.delete_many(["media/a", "media/b"])

    assert [failure.key for failure in failures] == ["media/a"]
