"""The range of a table that a worker process read last, kept on its disk for the next chunk.

Chunks are ranges of one object, and a store asks a price for every range: R2 a round trip,
SeaweedFS 11 to 16 ms of CPU, since it reads the whole part a range lies in. So a process
fetches more than one chunk and mostly finds the next one here. That the table is still there is
asked for every range (F33): a HEAD costs a tenth.
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

WIDTH: Final = 2 * MAX_CHUNK_BYTES  # bytes fetched at once


@dataclass(frozen=True, kw_only=True)
class Source:
    """One version of a stored table."""

    key: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class _CachedRange:
    """Bytes of a source from `start` on, in a file without a name."""

    source: Source
    start: int
    size: int
    file: BinaryIO

    def holds(self, source: Source, start: int, length: int) -> bool:
        inside = self.start <= start and start + length <= self.start + self.size
        return inside and self.source == source

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self.file.fileno(), length, start - self.start)


class RangeCache:
    """At most one range of one table."""

    def __init__(self) -> None:
        self._held: _CachedRange | None = None
        self._one_at_a_time = Lock()

    @contextmanager
    def range_of(
        self, source: Source, *, start: int, length: int, ahead: bool, watch: Callable[[], None]
    ) -> Iterator[BinaryIO]:
        """Open a range of a stored table, wholly fetched; where the table ends early it does too.

        Without `ahead` no more than the range is fetched: on a slow line more takes too long.
        `watch` is called now and then. Raises ObjectNotFoundError and PreconditionFailedError when
        this version is gone, StoreUnavailableError, and OSError when the disk is full.
        """
        if length > WIDTH:  # blank lines belong to no row: a chunk may be as long as its file
            cached_range = _fetched(source, start, length, watch)
            with cached_range.file as body:
                body.seek(0)
                yield body
        else:
            yield io.BytesIO(self._read(source, start, length, WIDTH if ahead else length, watch))

    def _read(
        self, source: Source, start: int, length: int, width: int, watch: Callable[[], None]
    ) -> bytes:
        with self._one_at_a_time:
            held = self._held
            if held is not None and held.holds(source, start, length):
                _require_there(source)
            else:
                self.close()
                held = self._held = _fetched(source, start, width, watch)
            return held.read(start, length)

    def close(self) -> None:
        """Let go of the cached_range."""
        if self._held is not None:
            self._held.file.close()
            self._held = None


def _require_there(source: Source) -> None:
    if private_store().head(source.key).etag != source.etag:
        raise PreconditionFailedError


def _fetched(source: Source, start: int, length: int, watch: Callable[[], None]) -> _CachedRange:
    file = temporary_files.nameless_file()
    try:
        with private_store().open(
            source.key, if_match=source.etag, offset=start, length=length
        ) as reader:
            for piece in reader:
                file.write(piece)
                watch()
        file.flush()
    except BaseException:
        file.close()
        raise
    return _CachedRange(source=source, start=start, size=file.tell(), file=file)
