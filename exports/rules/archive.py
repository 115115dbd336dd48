"""One ZIP of stored entries, written as it is read, the same bytes for the same entries.

Entries are stored: pictures are packed already. `zipfile` writes to a sink that cannot seek, so an
entry's checksum follows its bytes (a data descriptor) and every reader finds it in the directory at
the end.
"""

import io
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from exports.errors import ArchiveEntryError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first instant a ZIP can name
_UNIX = 3
_ATTRIBUTES = (stat.S_IFREG | 0o644) << 16


@dataclass(frozen=True, kw_only=True)
class ArchiveEntry:
    """One file of an archive: its name, its exact size and its bytes in pieces."""

    name: str
    size: int
    chunks: Iterable[bytes]


def write_archive(entries: Iterable[ArchiveEntry]) -> Iterator[bytes]:
    """Yield the bytes of a ZIP, taking one piece of one entry at a time.

    Raises `ArchiveEntryError` when an entry has not the size it names or its name came before.
    What was yielded until then is no archive.
    """
    sink = _Sink()
    names: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            if entry.name in names:
                raise ArchiveEntryError(f"Two files of the archive are named {entry.name}.")
            names.add(entry.name)
            yield from _written(archive, entry, sink)
    yield from sink.take()


def _written(archive: zipfile.ZipFile, entry: ArchiveEntry, sink: "_Sink") -> Iterator[bytes]:
    """Write one entry, handing on what reaches the sink."""
    left = entry.size
    with archive.open(_header(entry), "w") as target:
        for chunk in entry.chunks:
            left -= len(chunk)
            if left < 0:
                raise ArchiveEntryError(f"{entry.name} is longer than its {entry.size} bytes.")
            target.write(chunk)
            yield from sink.take()
        if left:
            raise ArchiveEntryError(f"{entry.name} lacks {left} of its {entry.size} bytes.")
    yield from sink.take()


def _header(entry: ArchiveEntry) -> zipfile.ZipInfo:
    header = zipfile.ZipInfo(entry.name, date_time=_EPOCH)
    header.create_system = _UNIX
    header.external_attr = _ATTRIBUTES
    header.file_size = entry.size  # decides on ZIP64 before the first byte is written
    return header


class _Sink(io.RawIOBase):
    """Where `zipfile` writes to; what it wrote is taken away at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes only
        self._parts.append(data)
        return len(data)

    def take(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return parts
