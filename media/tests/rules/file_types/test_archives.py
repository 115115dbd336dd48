import io
import re
import stat
import struct
import time
import tracemalloc
import zipfile

import pytest

from media.errors import ArchiveRejectedError, ContentError, FileCorruptError
from media.rules.file_types.structure import require_complete
from media.tests.rules.file_types.specimens import archive


def check(content: bytes) -> None:
    require_complete(io.BytesIO(content), "application/zip")


def link() -> bytes:
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("look")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def overlapping(count: int = 50) -> bytes:
    """Return an archive whose entries all share the same bytes."""
    content = archive({"a": bytes(100_000)})
    offset = content.index(b"PK\x01\x02")
    line = content[offset : content.index(b"PK\x05\x06")]
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(line) * count, offset, 0)
    return content[:offset] + line * count + end


def archive_of(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for index in range(count):
            file.writestr(f"{index}", b"")
    return buffer.getvalue()


def declaring(total: int) -> bytes:
    """Return an archive whose entry declares this unpacked size."""
    content = bytearray(archive({"a": b"x" * 4000}))
    offset = content.index(b"PK\x01\x02") + 24
    content[offset : offset + 4] = struct.pack("<I", total)
    return bytes(content)


def zip64_archive() -> bytes:
    """Return an archive whose larger entries keep their numbers in the ZIP64 field."""
    buffer = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 30)
        with zipfile.ZipFile(buffer, "w") as file:
            for name, size in (("a", 20), ("b", 40), ("c", 20)):  # the offset of "c" is larger too
                file.writestr(name, b"x" * size)
    return buffer.getvalue()


def two_entries(*, longer: int | None = None) -> bytes:
    """Return an archive of two stored entries, one of which is declared a byte longer than it is.

    Its directory is consistent: only the positions of the entries show the overlap.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("first.jpg", "second.jpg"):
            info = zipfile.ZipInfo(name)
            info.extra = struct.pack("<HH3s", 0x7777, 3, b"own")
            file.writestr(info, b"x" * 40)
    content = bytearray(buffer.getvalue())
    if longer is not None:
        offset = [match.start() for match in re.finditer(b"PK\x01\x02", content)][longer]
        content[offset + 20 : offset + 24] = struct.pack("<I", 41)
    return bytes(content)


@pytest.mark.parametrize("longer", [0, 1])
def test_entries_that_overlap_by_one_byte_are_rejected(longer: int) -> None:
    check(two_entries())

    with pytest.raises(ArchiveRejectedError, match="overlap"):
        check(two_entries(longer=longer))


@pytest.mark.parametrize(
    "content",
    [
        archive(),
        archive({"folder/": b"", "folder/photo.jpg": b"x" * 500}),
        archive({"a": b"aaaa" * 12_000}),
        zip64_archive(),
        archive_of(0),
        archive_of(10_000),
        archive() + b"\n",
    ],
    ids=["plain", "folder", "one small letter", "zip64", "empty", "10,000", "newline"],
)
def test_a_harmless_archive_passes(content: bytes) -> None:
    check(content)


@pytest.mark.covers("T32")
@pytest.mark.parametrize(
    "content",
    [
        overlapping(),
        archive_of(10_001),
        archive_of(65_536),
        link(),
        archive({"a": bytes(20_000_000)}),
        declaring(2**30 + 1),
        declaring(2**32 - 2),
        archive({"../../etc/cron.d/x": b"x"}),
        archive({"..\\..\\windows": b"x"}),
        archive({"/etc/passwd": b"x"}),
        archive({"C:/windows": b"x"}),
        archive({"a/../../b": b"x"}),
    ],
    ids=[
        "overlap", "10,001 entries", "65,536 entries", "link", "ratio", "over 1 GiB", "4 GiB",
        "dots", "backslash dots", "absolute", "drive", "dots inside",
    ],
)  # fmt: skip
def test_a_harmful_archive_is_rejected_quickly(content: bytes) -> None:
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(ArchiveRejectedError) as excinfo:
        check(content)
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert excinfo.value.code == "archive_rejected"
    assert seconds < 1.0
    assert peak < 100 * 1024 * 1024


@pytest.mark.covers("T32")
@pytest.mark.parametrize(
    "content",
    [
        archive().replace(b"PK\x01\x02", b"PK\x01\x03", 1),
        archive()[:10] + archive()[12:],
    ],
    ids=["broken directory", "bytes missing"],
)
def test_an_inconsistent_archive_is_corrupt(content: bytes) -> None:
    with pytest.raises(FileCorruptError):
        check(content)


def test_an_archive_with_any_byte_changed_is_accepted_or_refused_with_a_known_error() -> None:
    content = archive()

    for offset in range(4, len(content)):
        for value in (0x00, 0xFF, content[offset] ^ 0x01):
            try:
                check(content[:offset] + bytes([value]) + content[offset + 1 :])
            except ContentError:
                continue
