"""A cache on disk, in each worker process, of the range of a table that it read last.

Chunks are ranges of one object, and each read costs a round trip to R2, or 11 to 16 ms of CPU on
SeaweedFS, which reads the whole part of the object that has the range. So a process fetches more
than one chunk at once, and usually finds the next one in the cache. A HEAD for every chunk, at a
tenth of that cost, checks that the table still exists.
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import BinaryIO, Final

from bulkupload.rules.limits import MAX_CHUNK_BYTES
from media.errors import PreconditionFailedError
from media.storage import private_store
from sartiq.core import temporary_files

FETCH_BYTES: Final = 2 * MAX_CHUNK_BYTES


@dataclass(frozen=True, kw_only=True)
class TableVersion:
    """One version of a stored table."""

    key: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """A range of bytes of one version of a table."""

    table: TableVersion
    start: int
    length: int

    def contains(self, other: "ByteRange") -> bool:
        """Whether another range lies within this one."""
        is_inside = self.start <= other.start and (
            other.start + other.length <= self.start + self.length
        )
        return is_inside and self.table == other.table


@dataclass(frozen=True, kw_only=True)
class _CachedRange:
    """A range whose bytes are in a file without a name."""

    byte_range: ByteRange
    file: BinaryIO

    def read(self, byte_range: ByteRange) -> bytes:
        return os.pread(
            self.file.fileno(), byte_range.length, byte_range.start - self.byte_range.start
        )


class RangeCache:
    """A cache of at most one range of one table."""

    def __init__(self) -> None:
        self._cached: _CachedRange | None = None
        self._lock = Lock()

    @contextmanager
    def open(
        self, byte_range: ByteRange, *, reads_ahead: bool, on_progress: Callable[[], None]
    ) -> Iterator[BinaryIO]:
        """Open a range of a stored table; it is shorter if the table ends before.

        With `reads_ahead` the bytes after it are fetched too. `on_progress` is called after each
        block. Raises ObjectNotFoundError and PreconditionFailedError when this version is gone,
        StoreUnavailableError, and OSError when the disk is full.
        """
        if byte_range.length > FETCH_BYTES:  # blank lines can make a chunk as long as the file
            fetched = _fetch(byte_range, on_progress)
            with fetched.file as body:
                body.seek(0)
                yield body
        else:
            fetch = replace(byte_range, length=FETCH_BYTES) if reads_ahead else byte_range
            yield io.BytesIO(self._read(byte_range, fetch, on_progress))

    def _read(
        self, byte_range: ByteRange, fetch: ByteRange, on_progress: Callable[[], None]
    ) -> bytes:
        """Return a range from the cache; if it is not there, cache the range `fetch` first."""
        with self._lock:
            cached = self._cached
            if cached is not None and cached.byte_range.contains(byte_range):
                _require_unchanged(byte_range.table)
            else:
                self.close()
                cached = self._cached = _fetch(fetch, on_progress)
            return cached.read(byte_range)

    def close(self) -> None:
        """Discard the cached range."""
        if self._cached is not None:
            self._cached.file.close()
            self._cached = None


def _require_unchanged(table: TableVersion) -> None:
    if private_store().head(table.key).etag != table.etag:
        raise PreconditionFailedError


def _fetch(byte_range: ByteRange, on_progress: Callable[[], None]) -> _CachedRange:
    file = temporary_files.nameless_file()
    table = byte_range.table
    try:
        with private_store().open(
            table.key, if_match=table.etag, offset=byte_range.start, length=byte_range.length
        ) as reader:
            for block in reader:
                file.write(block)
                on_progress()
        file.flush()
    except BaseException:
        file.close()
        raise
    return _CachedRange(byte_range=replace(byte_range, length=file.tell()), file=file)
