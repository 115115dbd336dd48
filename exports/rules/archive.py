"""Streaming of a ZIP with uncompressed entries; equal entries give equal bytes.

Entries are not compressed because images are already. Size and CRC are in each entry's local
header, not in a data descriptor after it, so that streaming readers such as
`java.util.zip.ZipInputStream` and stream-unzip can open the archive.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stream_zip import NO_COMPRESSION_32, NO_COMPRESSION_64, MemberFile, Method, stream_zip
from stream_zip import ZipIntegrityError as EntryMismatchError

from exports.errors import ArchiveEntryError

_MODIFIED_AT: Final = datetime(1980, 1, 1)  # noqa: DTZ001  the earliest time in a ZIP, which has no time zone
_MODE: Final = 0o100644
_CHUNK_BYTES: Final = 1024 * 1024
_MAX_ZIP32_BYTES: Final = 0xFFFF_FFFF
_MAX_ZIP32_ENTRIES: Final = 0xFFFF
_MAX_HEADER_BYTES: Final = 30 + 20  # local header and ZIP64 fields, without the name


@dataclass(frozen=True, kw_only=True)
class ArchiveEntry:
    """One file of an archive: its name, exact size, CRC-32 and bytes in pieces."""

    name: str
    size: int
    crc32: int
    chunks: Iterable[bytes]


def write_archive(entries: Iterable[ArchiveEntry]) -> Iterator[bytes]:
    """Yield the bytes of a ZIP, reading one piece of one entry at a time.

    Raises `ArchiveEntryError` when an entry's bytes do not match its size or CRC-32, or when its
    name was used before. The bytes yielded until then are not a valid archive.
    """
    try:
        yield from stream_zip(_members(entries), chunk_size=_CHUNK_BYTES, extended_timestamps=False)
    except EntryMismatchError as error:
        raise ArchiveEntryError("The bytes of an entry do not match its CRC-32.") from error


def _members(entries: Iterable[ArchiveEntry]) -> Iterator[MemberFile]:
    names: set[str] = set()
    offset = 0
    for entry in entries:
        if entry.name in names:
            raise ArchiveEntryError(f"Two files of the archive are named {entry.name}.")
        method = _method(entry, offset=offset, position=len(names))
        names.add(entry.name)
        offset += _MAX_HEADER_BYTES + len(entry.name.encode()) + entry.size
        yield entry.name, _MODIFIED_AT, _MODE, method, _exactly(entry)


def _method(entry: ArchiveEntry, *, offset: int, position: int) -> Method:
    """Return the ZIP32 method where it suffices: not every reader supports ZIP64."""
    fits_zip32 = max(entry.size, offset) <= _MAX_ZIP32_BYTES and position < _MAX_ZIP32_ENTRIES
    method = NO_COMPRESSION_32 if fits_zip32 else NO_COMPRESSION_64
    return method(entry.size, entry.crc32)


def _exactly(entry: ArchiveEntry) -> Iterator[bytes]:
    """Yield an entry's bytes; raise ArchiveEntryError if their number differs from its size."""
    remaining = entry.size
    for chunk in entry.chunks:
        remaining -= len(chunk)
        if remaining < 0:
            raise ArchiveEntryError(f"{entry.name} is longer than its {entry.size} bytes.")
        yield chunk
    if remaining:
        raise ArchiveEntryError(f"{entry.name} lacks {remaining} of its {entry.size} bytes.")
