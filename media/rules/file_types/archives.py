"""Checks of ZIP archives by their directory, without unpacking."""

import re
import zlib
from dataclasses import dataclass
from stat import S_ISLNK

from media.errors import ArchiveRejectedError, ContentError, FileCorruptError, FileTruncatedError
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import (
    GIB,
    MAX_ARCHIVE_ENTRIES,
    MAX_ARCHIVE_RATIOS,
    MAX_ARCHIVE_TOTAL,
)

_OFFICE = "application/vnd.openxmlformats-officedocument."
_ENTRY, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_END64, _LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
_END_SIZE, _LOCAL_SIZE, _LOCATOR_SIZE, _END64_SIZE = 22, 30, 20, 56
_UNKNOWN = 0xFFFFFFFF  # the real number is in the ZIP64 field
_UNKNOWN_COUNT = 0xFFFF
_MAX_COMMENT_BYTES = 0xFFFF
_ZIP64_FIELD = 1
_UNIX = 3
_DRIVE = re.compile(rb"[A-Za-z]:/")
# Entries that identify programs and documents stored as ZIP, in lower case because Java and Office
# ignore the case of names.
_FOREIGN_ENTRIES = {
    b"androidmanifest.xml": "application/vnd.android.package-archive",
    b"bundleconfig.pb": "application/vnd.android.package-archive",
    b"meta-inf/manifest.mf": "application/java-archive",
    b"word/document.xml": _OFFICE + "wordprocessingml.document",
    b"xl/workbook.xml": _OFFICE + "spreadsheetml.sheet",
    b"xl/workbook.bin": "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    b"ppt/presentation.xml": _OFFICE + "presentationml.presentation",
    b"index/document.iwa": "application/vnd.apple.iwork",
}
_OFFICE_CONTENT_TYPES = (
    b"[content_types].xml"  # in every Office package, also those not listed above
)
_IOS_PROGRAM = re.compile(rb"payload/[^/]+\.app/")
_MIMETYPE_ENTRY = b"mimetype"  # the first entry of EPUB and OpenDocument
_MEDIA_TYPE = re.compile(r"(application|image)/[!-~]+")
_DEFLATED = 8
_MAX_TYPE_BYTES = 100


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The position and the declared number of entries of the central directory.

    `shift` is the number of bytes that precede the archive; it is added to every offset.
    """

    start: int
    size: int
    entries: int
    shift: int = 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the central directory."""

    name: bytes
    packed: int
    unpacked: int
    offset: int
    is_link: bool


def require_complete(reader: Reader) -> None:
    """Reject an archive that is truncated, inconsistent or dangerous to unpack."""
    directory, entries = _read(reader)
    _require_size_limits(entries)
    for entry in entries:
        _require_safe_entry(entry)
    _require_no_overlap(reader, entries, directory)


def _rejected(reason: str) -> ArchiveRejectedError:
    return ArchiveRejectedError(f"{reason} Pack your files into a new ZIP and upload it.")


def is_archive(reader: Reader) -> bool:
    """Return whether the file ends with the directory of a non-empty archive."""
    try:
        return bool(_read(reader)[1])
    except ContentError:
        return False


def foreign_type(reader: Reader) -> str | None:
    """Return the content type of a program or document stored as ZIP; None for any other ZIP."""
    try:
        directory, entries = _read(reader)
        return _foreign_type(reader, directory, entries)
    except (ContentError, zlib.error):
        return None  # `require_complete` reports the problem


def _foreign_type(reader: Reader, directory: Directory, entries: list[Entry]) -> str | None:
    names = {entry.name.replace(b"\\", b"/").lower() for entry in entries}
    for name, content_type in _FOREIGN_ENTRIES.items():
        if name in names and (
            not content_type.startswith(_OFFICE) or _OFFICE_CONTENT_TYPES in names
        ):
            return content_type
    if any(_IOS_PROGRAM.match(name) for name in names):
        return "application/x-ios-app"
    if _OFFICE_CONTENT_TYPES in names:
        return "application/vnd.openxmlformats-package"
    return _declared_type(reader, directory, entries)


def _declared_type(reader: Reader, directory: Directory, entries: list[Entry]) -> str | None:
    """Return the content type in the `mimetype` entry of an EPUB or OpenDocument file."""
    first = min(entries, key=lambda entry: entry.offset, default=None)
    if first is None or first.name != _MIMETYPE_ENTRY or not 0 < first.packed <= _MAX_TYPE_BYTES:
        return None
    reader.move_to(first.offset + directory.shift)
    method, name_size, extra_size = unpack("<8xH16xHH", reader.take(_LOCAL_SIZE))
    reader.skip(name_size + extra_size)
    content = reader.take(first.packed)
    if method == _DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, _MAX_TYPE_BYTES)
    declared = content.decode("ascii", "replace").strip()
    return declared if _MEDIA_TYPE.fullmatch(declared) else None


def _read(reader: Reader) -> tuple[Directory, list[Entry]]:
    directory = _find_directory(reader)
    if directory.entries > MAX_ARCHIVE_ENTRIES:
        raise _rejected(f"The archive has more than {MAX_ARCHIVE_ENTRIES} entries.")
    return directory, _read_entries(reader, directory)


def _find_directory(reader: Reader) -> Directory:
    """Return the directory by the end record, which only a comment may follow."""
    tail_start = max(0, reader.size - _END_SIZE - _MAX_COMMENT_BYTES)
    reader.move_to(tail_start)
    tail = reader.take(reader.size - tail_start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise FileTruncatedError
    entries, size, start = unpack("<10xHII", tail, at)
    end = tail_start + at
    zip64 = _find_directory64(reader, end)
    if zip64 is not None:
        if any(
            short not in {unknown, long}
            for short, unknown, long in (
                (entries, _UNKNOWN_COUNT, zip64.entries),
                (size, _UNKNOWN, zip64.size),
            )
        ):
            raise FileCorruptError
        return zip64
    return _directory_before(entries=entries, size=size, start=start, end=end)


def _find_directory64(reader: Reader, end: int) -> Directory | None:
    """Return the directory by the ZIP64 record, which streaming programs add to any archive."""
    if end < _LOCATOR_SIZE:
        return None
    reader.move_to(end - _LOCATOR_SIZE)
    mark, offset = unpack("<4s4xQ", reader.take(_LOCATOR_SIZE))
    if mark != _LOCATOR64:
        return None
    for record in (offset, end - _LOCATOR_SIZE - _END64_SIZE):
        if 0 <= record <= end - _LOCATOR_SIZE - _END64_SIZE:
            reader.move_to(record)
            mark, entries, size, start = unpack("<4s28xQQQ", reader.take(_END64_SIZE))
            if mark == _END64:
                return _directory_before(entries=entries, size=size, start=start, end=record)
    raise FileCorruptError


def _directory_before(*, entries: int, size: int, start: int, end: int) -> Directory:
    """Return the directory right before its end record, whatever precedes the archive."""
    shift = end - size - start
    if shift < 0:
        raise FileCorruptError
    return Directory(start=start + shift, size=size, entries=entries, shift=shift)


def _read_entries(reader: Reader, directory: Directory) -> list[Entry]:
    reader.move_to(directory.start)
    block = reader.take(directory.size)
    entries, position = [], 0
    for _ in range(directory.entries):
        entry, position = _read_entry(block, position)
        entries.append(entry)
    if position != len(block):
        raise FileCorruptError
    return entries


def _read_entry(block: bytes, at: int) -> tuple[Entry, int]:
    mark, system, packed, unpacked = unpack("<4sxB14xII", block, at)
    name_size, extra_size, comment_size, attributes, offset = unpack("<HHH4xII", block, at + 28)
    if mark != _ENTRY:
        raise FileCorruptError
    name_at = at + 46
    extra_at = name_at + name_size
    extra = block[extra_at : extra_at + extra_size]
    unpacked, packed, offset = _zip64_numbers(extra, unpacked, packed, offset)
    entry = Entry(
        name=block[name_at:extra_at],
        packed=packed,
        unpacked=unpacked,
        offset=offset,
        is_link=system == _UNIX and S_ISLNK(attributes >> 16),
    )
    return entry, extra_at + extra_size + comment_size


def _zip64_numbers(extra: bytes, *numbers: int) -> tuple[int, ...]:
    """Replace the numbers that did not fit in 32 bits, in the order ZIP64 stores them."""
    if _UNKNOWN not in numbers:
        return numbers
    position = 0
    while position < len(extra):
        kind, size = unpack("<HH", extra, position)
        position += 4
        if kind == _ZIP64_FIELD:
            offsets = iter(range(position, position + size, 8))
            return tuple(
                unpack("<Q", extra, next(offsets, len(extra)))[0] if number == _UNKNOWN else number
                for number in numbers
            )
        position += size
    raise FileCorruptError


def _require_size_limits(entries: list[Entry]) -> None:
    total = sum(entry.unpacked for entry in entries)
    packed = sum(entry.packed for entry in entries)
    if total > MAX_ARCHIVE_TOTAL:
        raise _rejected(f"The archive unpacks to more than {MAX_ARCHIVE_TOTAL // GIB} GiB.")
    for max_total, ratio in MAX_ARCHIVE_RATIOS:
        if total > max(max_total, packed * ratio):
            raise _rejected(f"The archive unpacks to over {ratio} times its size, like a ZIP bomb.")


def _require_safe_entry(entry: Entry) -> None:
    name = entry.name.replace(b"\\", b"/")
    if entry.is_link:
        raise _rejected("The archive contains a symbolic link.")
    if not name or b"\x00" in name or name.startswith(b"/") or _DRIVE.match(name):
        raise _rejected("The archive contains an entry with an absolute or invalid path.")
    if b".." in name.split(b"/"):
        raise _rejected("The archive contains an entry with '..' in its path.")


def _require_no_overlap(reader: Reader, entries: list[Entry], directory: Directory) -> None:
    """Reject entries that overlap, as in a ZIP bomb without nested archives."""
    previous_end, end = 0, directory.start
    for entry in sorted(entries, key=lambda entry: entry.offset):
        offset = entry.offset + directory.shift
        if offset < previous_end:
            raise _rejected("The archive contains entries that overlap.")
        if offset + _LOCAL_SIZE > end:
            raise FileCorruptError
        reader.move_to(offset)
        mark, name_size, extra_size = unpack("<4s22xHH", reader.take(_LOCAL_SIZE))
        if mark != _LOCAL:
            raise FileCorruptError
        previous_end = offset + _LOCAL_SIZE + name_size + extra_size + entry.packed
        if previous_end > end:
            raise _rejected("The archive contains entries that overlap.")
