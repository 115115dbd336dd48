"""The range of a table that a worker process read last, cached on its disk for the next chunk.

Chunks are ranges of one object, and each range has a price: on R2 a round trip, on SeaweedFS 11 to
16 ms of CPU, since it reads the whole part with the range. So a process fetches more than one chunk
and mostly finds the next one here. A HEAD for every range, which costs a tenth, checks that the
table still exists (F33).
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
class _CachedRange:
    """Bytes of a source from `start` on, in a file without a name."""

    source: TableVersion
    start: int
    size: int
    file: BinaryIO

    def contains(self, source: TableVersion, start: int, length: int) -> bool:
        is_inside = self.start <= start and start + length <= self.start + self.size
        return is_inside and self.source == source

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self.file.fileno(), length, start - self.start)


class RangeCache:
    """A cache of at most one range of one table."""

    def __init__(self) -> None:
        self._cached: _CachedRange | None = None
        self._lock = Lock()

    @contextmanager
    def range_of(
        self,
        source: TableVersion,
        *,
        start: int,
        length: int,
        ahead: bool,
        watch: Callable[[], None],
    ) -> Iterator[BinaryIO]:
        """Open a range of a stored table, which ends early if the table does.

        Without `ahead` only the range is fetched: on a slow line more would take too long.
        `watch` is called now and then. Raises ObjectNotFoundError and PreconditionFailedError when
        this version is gone, StoreUnavailableError, and OSError when the disk is full.
        """
        if length > FETCH_BYTES:  # with blank lines a chunk may be as long as its file
            cached_range = _fetch(source, start, length, watch)
            with cached_range.file as body:
                body.seek(0)
                yield body
        else:
            yield io.BytesIO(
                self._read(source, start, length, FETCH_BYTES if ahead else length, watch)
            )

    def _read(
        self, source: TableVersion, start: int, length: int, width: int, watch: Callable[[], None]
    ) -> bytes:
        with self._lock:
            cached = self._cached
            if cached is not None and cached.contains(source, start, length):
                _require_unchanged(source)
            else:
                self.close()
                cached = self._cached = _fetch(source, start, width, watch)
            return cached.read(start, length)

    def close(self) -> None:
        """Discard the cached range."""
        if self._cached is not None:
            self._cached.file.close()
            self._cached = None


def _require_unchanged(source: TableVersion) -> None:
    if private_store().head(source.key).etag != source.etag:
        raise PreconditionFailedError


def _fetch(
    source: TableVersion, start: int, length: int, watch: Callable[[], None]
) -> _CachedRange:
    file = temporary_files.nameless_file()
    try:
        with private_store().open(
            source.key, if_match=source.etag, offset=start, length=length
        ) as reader:
            for block in reader:
                file.write(block)
                watch()
        file.flush()
    except BaseException:
        file.close()
        raise
    return _CachedRange(source=source, start=start, size=file.tell(), file=file)
