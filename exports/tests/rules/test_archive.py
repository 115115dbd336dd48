import hashlib
import io
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from stream_unzip import stream_unzip

from exports.errors import ArchiveEntryError
from exports.rules.archive import ArchiveEntry, write_archive

MIB = 1024 * 1024
CRC32_OF_4_GIB_OF_ZEROS = 0xD202EF8D


def entry(name: str, *chunks: bytes, size: int | None = None) -> ArchiveEntry:
    whole = b"".join(chunks)
    return ArchiveEntry(
        name=name,
        size=len(whole) if size is None else size,
        crc32=zlib.crc32(whole),
        chunks=chunks,
    )


def zip_of(*entries: ArchiveEntry) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(write_archive(entries))))


def test_a_written_archive_can_be_read() -> None:
    with zip_of(entry("a.webp", b"one", b"two"), entry("manifest.json", b"{}")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.webp", "manifest.json"]
        assert archive.read("a.webp") == b"onetwo"
        assert archive.read("manifest.json") == b"{}"


def test_an_empty_archive_and_an_empty_entry_are_valid() -> None:
    with zip_of() as archive:
        assert archive.namelist() == []
    with zip_of(entry("empty.csv")) as archive:
        assert archive.testzip() is None
        assert archive.read("empty.csv") == b""


@pytest.mark.parametrize("name", ["Größe_é.jpg", "鞋_正面.webp", "👟.png", "plain-name_v001.avif"])
def test_names_in_every_script_are_preserved(name: str) -> None:
    with zip_of(entry(name, b"x")) as archive:
        assert archive.namelist() == [name]


def test_entries_are_stored_with_fixed_time_and_attributes() -> None:
    with zip_of(entry("a.jpg", b"aaaa" * 100)) as archive:
        header = archive.infolist()[0]

    assert header.date_time == (1980, 1, 1, 0, 0, 0)
    assert header.compress_type == zipfile.ZIP_STORED
    assert header.compress_size == header.file_size == 400
    assert header.create_system == 3
    assert header.external_attr >> 16 == 0o100644
    assert header.extra == b""


def test_the_same_entries_give_the_same_bytes_in_any_chunks() -> None:
    body = bytes(range(256)) * 40
    archive = b"".join(write_archive([entry("ü.png", body), entry("b.png", b"b")]))
    archive_of_small_chunks = b"".join(
        write_archive([entry("ü.png", body[:7], body[7:]), entry("b.png", b"", b"b")])
    )

    assert archive_of_small_chunks == archive
    # Known bytes: another version of Python or of the product must not change them.
    assert hashlib.sha256(archive).hexdigest() == (
        "06f9aa102a048e396dfc0b70fe183785900735f872fa56e5721e11f00c90db32"
    )


@pytest.mark.parametrize(
    ("chunks", "size", "message"),
    [
        ((b"abc",), 4, "a.jpg lacks 1 of its 4 bytes."),
        ((), 4, "a.jpg lacks 4 of its 4 bytes."),
        ((b"abc", b"de"), 4, "a.jpg is longer than its 4 bytes."),
        ((b"a",), 0, "a.jpg is longer than its 0 bytes."),
    ],
)
def test_an_entry_with_a_wrong_size_is_refused(
    chunks: tuple[bytes, ...], size: int, message: str
) -> None:
    with pytest.raises(ArchiveEntryError) as excinfo:
        list(write_archive([entry("a.jpg", *chunks, size=size)]))

    assert excinfo.value.detail == message


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(ArchiveEntryError) as excinfo:
        list(write_archive([entry("a.jpg", b"1"), entry("a.jpg", b"2")]))

    assert excinfo.value.detail == "Two files of the archive are named a.jpg."


def test_an_entry_with_a_wrong_checksum_is_refused() -> None:
    changed_entry = ArchiveEntry(name="a.jpg", size=3, crc32=zlib.crc32(b"abc"), chunks=[b"abd"])

    with pytest.raises(ArchiveEntryError):
        list(write_archive([changed_entry]))


def test_a_streaming_reader_can_open_the_archive() -> None:
    files = {"a.webp": b"one" * 50_000, "leer.csv": b"", "Größe.json": b"{}"}
    archive = write_archive([entry(name, body) for name, body in files.items()])

    members = {
        name.decode(): (size, b"".join(chunks)) for name, size, chunks in stream_unzip(archive)
    }

    # The size precedes the bytes: it is in the local header.
    assert members == {name: (len(body), body) for name, body in files.items()}


def test_no_entry_has_a_data_descriptor() -> None:
    with zip_of(entry("a.webp", b"one"), entry("empty.csv")) as archive:
        flags = [header.flag_bits & 0x08 for header in archive.infolist()]

    assert flags == [0, 0]


def test_an_error_of_a_source_is_raised() -> None:
    class StoreGoneError(Exception):
        """Raised by the source in the middle of its bytes."""

    def failing_chunks() -> Iterator[bytes]:
        yield b"half"
        raise StoreGoneError

    with pytest.raises(StoreGoneError):
        list(write_archive([ArchiveEntry(name="a.jpg", size=8, crc32=0, chunks=failing_chunks())]))


def test_entries_are_requested_one_at_a_time() -> None:
    requested_numbers: list[int] = []

    def entries() -> Iterator[ArchiveEntry]:
        for index in range(3):
            requested_numbers.append(index)
            yield entry(f"{index}.jpg", b"x")

    archive_chunks = write_archive(entries())
    next(archive_chunks)

    assert requested_numbers == [0]


def test_an_archive_of_300_mib_needs_little_memory(tmp_path: Path) -> None:
    piece = bytes(MIB)
    crc32 = zlib.crc32(bytes(30 * MIB))
    entries = (
        ArchiveEntry(
            name=f"{index}.jpg", size=30 * MIB, crc32=crc32, chunks=(piece for _ in range(30))
        )
        for index in range(10)
    )
    size = 0
    tracemalloc.start()
    try:
        for part in write_archive(entries):
            size += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size > 300 * MIB
    assert peak < 4 * MIB


def test_an_archive_can_have_more_than_65_535_entries() -> None:
    count = 65_600
    entries = (entry(f"{index}.json", b"") for index in range(count))

    with zipfile.ZipFile(io.BytesIO(b"".join(write_archive(entries)))) as archive:
        assert len(archive.namelist()) == count
        assert archive.read(f"{count - 1}.json") == b""


def test_an_entry_can_be_larger_than_4_gib(tmp_path: Path) -> None:
    size = 4 * 1024 * MIB + 5
    piece = bytes(MIB)
    crc32 = zlib.crc32(b"tail!", CRC32_OF_4_GIB_OF_ZEROS)
    pieces = (piece if index < 4 * 1024 else b"tail!" for index in range(4 * 1024 + 1))
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        large_entry = ArchiveEntry(name="large.bin", size=size, crc32=crc32, chunks=pieces)
        for part in write_archive([large_entry, entry("after.txt", b"after")]):
            if len(part) == MIB:
                file.seek(MIB, io.SEEK_CUR)  # zeros: a hole takes no disk
            else:
                file.write(part)

    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("large.bin").file_size == size
        assert archive.read("after.txt") == b"after"
