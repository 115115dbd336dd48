"""Several ranges of a stored table are served from one fetch while the table is unchanged."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from threading import Event, Lock

import pytest

from bulkupload.services.rows.range_cache import FETCH_BYTES, ByteRange, RangeCache, TableVersion
from media.errors import ObjectNotFoundError, PreconditionFailedError
from media.storage import ObjectHeaders
from media.storage.testing.memory import MemoryStore, nothing

KEY = "bulk/01a20a3a-5276-7f2a-becc-ec0b7880616d/source"
TABLE = bytes(range(256)) * 16


@pytest.fixture
def cache() -> Iterator[RangeCache]:
    with closing(RangeCache()) as cache:
        yield cache


@pytest.fixture
def fetches(private: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The offset of every fetch from the store."""
    offsets: list[int] = []
    original_open = private.open

    def counting_open(key: str, **options: int) -> object:
        offsets.append(options["offset"])
        return original_open(key, **options)  # type: ignore[arg-type]  # passed on unchanged

    monkeypatch.setattr(private, "open", counting_open)
    return offsets


def stored_table(private: MemoryStore, body: bytes = TABLE) -> TableVersion:
    head = private.put(KEY, body, headers=ObjectHeaders(content_type="text/csv"))
    return TableVersion(key=KEY, etag=head.etag)


def read(
    cache: RangeCache, source: TableVersion, start: int, length: int, *, reads_ahead: bool = True
) -> bytes:
    byte_range = ByteRange(table=source, start=start, length=length)
    with cache.open(byte_range, reads_ahead=reads_ahead, on_progress=lambda: None) as body:
        return body.read()


def test_ranges_after_the_first_one_are_cached(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    source = stored_table(private)

    parts = [read(cache, source, start, 100) for start in (1000, 1100, 3000, 1000)]

    assert parts == [TABLE[start : start + 100] for start in (1000, 1100, 3000, 1000)]
    assert fetches == [1000]


def test_ranges_outside_the_cached_one_are_fetched(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    body = TABLE * (2 * FETCH_BYTES // len(TABLE))
    source = stored_table(private, body)

    for start in (1000, 10, FETCH_BYTES + 5, FETCH_BYTES + 105):
        assert read(cache, source, start, 100) == body[start : start + 100]

    assert fetches == [1000, 10, FETCH_BYTES + 5]


def test_a_range_longer_than_the_cache_is_not_cached(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    body = TABLE * (2 * FETCH_BYTES // len(TABLE))
    source = stored_table(private, body)

    assert read(cache, source, 7, FETCH_BYTES + 1) == body[7 : FETCH_BYTES + 8]


def test_another_version_of_the_table_is_not_read_from_the_cache(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    old = stored_table(private)
    read(cache, old, 0, 100)
    new = stored_table(private, TABLE[::-1])

    assert read(cache, new, 0, 100) == TABLE[::-1][:100]
    with pytest.raises(PreconditionFailedError):
        read(cache, old, 0, 100)


@pytest.mark.covers("F33")
def test_a_deleted_or_replaced_table_is_detected_despite_the_cache(
    private: MemoryStore, cache: RangeCache
) -> None:
    source = stored_table(private)
    read(cache, source, 0, 100)

    stored_table(private, b"another")
    with pytest.raises(PreconditionFailedError):
        read(cache, source, 100, 100)
    private.delete_many([KEY])
    with pytest.raises(ObjectNotFoundError):
        read(cache, source, 100, 100)


def test_without_reading_ahead_only_the_range_is_fetched(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    source = stored_table(private)

    parts = [read(cache, source, start, 100, reads_ahead=False) for start in (0, 100)]

    assert parts == [TABLE[:100], TABLE[100:200]]
    assert fetches == [0, 100]


def test_a_fetch_reports_progress_after_each_block(private: MemoryStore, cache: RangeCache) -> None:
    byte_range = ByteRange(table=stored_table(private, TABLE * 64), start=0, length=10)
    calls: list[int] = []

    with cache.open(byte_range, reads_ahead=True, on_progress=lambda: calls.append(1)) as body:
        assert body.read() == TABLE[:10]

    assert len(calls) > 1


class SignallingLock:
    """A lock that says when a thread has to wait for it."""

    def __init__(self) -> None:
        self.is_awaited = Event()
        self._lock = Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self.is_awaited.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_thread_does_not_discard_the_range_that_another_reads(
    private: MemoryStore, cache: RangeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = stored_table(private)
    read(cache, source, 2000, 100)
    lock = SignallingLock()
    monkeypatch.setattr(cache, "_lock", lock)

    with ThreadPoolExecutor(max_workers=1) as pool:

        def read_another(_operation: str, _key: str) -> None:
            private.before = nothing
            others.append(pool.submit(read, cache, source, 0, 100))
            assert lock.is_awaited.wait(10)

        others: list[Future[bytes]] = []
        private.before = read_another
        part = read(cache, source, 2000, 100)

    assert part == TABLE[2000:2100]
    assert [other.result() for other in others] == [TABLE[:100]]


def test_a_table_that_ends_early_returns_the_rest(private: MemoryStore, cache: RangeCache) -> None:
    source = stored_table(private)

    assert read(cache, source, len(TABLE) - 10, 100) == TABLE[-10:]


def test_a_failed_fetch_is_not_cached(private: MemoryStore, cache: RangeCache) -> None:
    source = stored_table(private)
    deleted_table = TableVersion(key=KEY.replace("source", "gone"), etag=source.etag)

    with pytest.raises(ObjectNotFoundError):
        read(cache, deleted_table, 0, 10)
    assert read(cache, source, 0, 10) == TABLE[:10]
