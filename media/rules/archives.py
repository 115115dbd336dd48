"""Whether a ZIP is whole and harmless, read from its directory without unpacking a byte."""

from dataclasses import dataclass
from stat import S_ISLNK

from media.errors import ArchiveRejectedError, FileCorruptError, FileTruncatedError
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import (
    GIB,
    KIB,
    MAX_ARCHIVE_ENTRIES,
    MAX_ARCHIVE_RATIO,
    MAX_ARCHIVE_TOTAL,
    MAX_TRAILING_BYTES,
)

_ENTRY, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_END64, _LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
_END_SIZE, _LOCAL_SIZE, _LOCATOR_SIZE = 22, 30, 20
_UNKNOWN = 0xFFFFFFFF  # the true number stands in the ZIP64 field
_UNKNOWN_COUNT = 0xFFFF
_LONGEST_COMMENT = 0xFFFF
_ZIP64_FIELD = 1
_UNIX = 3
_FREE_RATIO_SIZE = 64 * KIB  # a small file of one letter packs a thousandfold and harms nobody


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Where the central directory stands and how many entries it says it has."""

    start: int
    size: int
    entries: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the central directory."""

    name: bytes
    packed: int
    unpacked: int
    offset: int
    is_link: bool


def require_complete(reader: Reader) -> None:
    """Refuse a cut archive, one that contradicts itself, and one that would harm who unpacks it."""
    directory = _find_directory(reader)
    if directory.entries > MAX_ARCHIVE_ENTRIES:
        raise ArchiveRejectedError(f"The archive has more than {MAX_ARCHIVE_ENTRIES} entries.")
    entries = _read_entries(reader, directory)
    _require_modest(entries)
    for entry in entries:
        _require_harmless(entry)
    _require_apart(reader, entries, directory.start)


def _find_directory(reader: Reader) -> Directory:
    """Find the end record, which only a comment may follow."""
    tail_start = max(0, reader.size - _END_SIZE - _LONGEST_COMMENT)
    reader.move_to(tail_start)
    tail = reader.take(reader.size - tail_start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise FileTruncatedError
    entries, size, start, comment = unpack("<10xHIIH", tail, at)
    if len(tail) - at - _END_SIZE - comment > MAX_TRAILING_BYTES:
        raise FileCorruptError
    end = tail_start + at
    if _UNKNOWN in {size, start} or entries == _UNKNOWN_COUNT:
        return _find_directory64(reader, end)
    if start + size != end:
        raise FileCorruptError
    return Directory(start=start, size=size, entries=entries)


def _find_directory64(reader: Reader, end: int) -> Directory:
    if end < _LOCATOR_SIZE:
        raise FileCorruptError
    reader.move_to(end - _LOCATOR_SIZE)
    mark, record = unpack("<4s4xQ", reader.take(_LOCATOR_SIZE))
    if mark != _LOCATOR64 or record > end:
        raise FileCorruptError
    reader.move_to(record)
    mark, entries, size, start = unpack("<4s28xQQQ", reader.take(56))
    if mark != _END64 or start + size != record:
        raise FileCorruptError
    return Directory(start=start, size=size, entries=entries)


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
    unpacked, packed, offset = _widened(extra, unpacked, packed, offset)
    entry = Entry(
        name=block[name_at:extra_at],
        packed=packed,
        unpacked=unpacked,
        offset=offset,
        is_link=system == _UNIX and S_ISLNK(attributes >> 16),
    )
    return entry, extra_at + extra_size + comment_size


def _widened(extra: bytes, *numbers: int) -> tuple[int, ...]:
    """Replace the numbers that did not fit in 32 bits, in the order ZIP64 stores them."""
    if _UNKNOWN not in numbers:
        return numbers
    position = 0
    while position < len(extra):
        kind, size = unpack("<HH", extra, position)
        position += 4
        if kind == _ZIP64_FIELD:
            wide = iter(range(position, position + size, 8))
            return tuple(
                unpack("<Q", extra, next(wide, len(extra)))[0] if each == _UNKNOWN else each
                for each in numbers
            )
        position += size
    raise FileCorruptError


def _require_modest(entries: list[Entry]) -> None:
    total = sum(entry.unpacked for entry in entries)
    packed = sum(entry.packed for entry in entries)
    if total > MAX_ARCHIVE_TOTAL:
        raise ArchiveRejectedError(
            f"The archive unpacks to more than {MAX_ARCHIVE_TOTAL // GIB} GiB."
        )
    if total > max(_FREE_RATIO_SIZE, packed * MAX_ARCHIVE_RATIO):
        raise ArchiveRejectedError(
            f"The archive unpacks to over {MAX_ARCHIVE_RATIO} times its size."
        )


def _require_harmless(entry: Entry) -> None:
    name = entry.name.replace(b"\\", b"/")
    if entry.is_link:
        raise ArchiveRejectedError("The archive holds a symbolic link.")
    if not name or b"\x00" in name or name.startswith(b"/") or name[1:2] == b":":
        raise ArchiveRejectedError("The archive holds an entry with an absolute or broken name.")
    if b".." in name.split(b"/"):
        raise ArchiveRejectedError("The archive holds an entry that leaves its folder.")


def _require_apart(reader: Reader, entries: list[Entry], end: int) -> None:
    """Refuse entries that share bytes: the trick of the bombs that need no nesting."""
    free_from = 0
    for entry in sorted(entries, key=lambda each: each.offset):
        if entry.offset < free_from:
            raise ArchiveRejectedError("The archive holds entries that overlap.")
        if entry.offset + _LOCAL_SIZE > end:
            raise FileCorruptError
        reader.move_to(entry.offset)
        mark, name_size, extra_size = unpack("<4s22xHH", reader.take(_LOCAL_SIZE))
        if mark != _LOCAL:
            raise FileCorruptError
        free_from = entry.offset + _LOCAL_SIZE + name_size + extra_size + entry.packed
        if free_from > end:
            raise ArchiveRejectedError("The archive holds entries that overlap.")
