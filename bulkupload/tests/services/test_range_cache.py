"""Ranges of a stored table come from one fetch, as long as the table is the same."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from bulkupload.services.rows.range_cache import WIDTH, RangeCache, Source
from media.errors import ObjectNotFoundError, PreconditionFailedError
from media.storage import ObjectHeaders
from media.storage.testing.memory import MemoryStore

KEY = "bulk/01a20a3a-5276-7f2a-becc-ec0b7880616d/source"
TABLE = bytes(range(256)) * 16


@pytest.fixture
def cache() -> Iterator[RangeCache]:
    with closing(RangeCache()) as made:
        yield made


@pytest.fixture
def fetches(private: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The offset of every fetch from the store."""
    seen: list[int] = []
    opened = private.open

    def counted(key: str, **how: int) -> object:
        seen.append(how["offset"])
        return opened(key, **how)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(private, "open", counted)
    return seen


def stored(private: MemoryStore, body: bytes = TABLE) -> Source:
    head = private.put(KEY, body, headers=ObjectHeaders(content_type="text/csv"))
    return Source(key=KEY, etag=head.etag)


def read(
    cache: RangeCache, source: Source, start: int, length: int, *, ahead: bool = True
) -> bytes:
    with cache.range_of(
        source, start=start, length=length, ahead=ahead, watch=lambda: None
    ) as body:
        return body.read()


def test_ranges_behind_the_first_one_cost_no_fetch(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    source = stored(private)

    parts = [read(cache, source, start, 100) for start in (1000, 1100, 3000, 1000)]

    assert parts == [TABLE[start : start + 100] for start in (1000, 1100, 3000, 1000)]
    assert fetches == [1000]


def test_a_range_before_the_stretch_and_one_beyond_it_are_fetched(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    body = TABLE * (2 * WIDTH // len(TABLE))
    source = stored(private, body)

    for start in (1000, 10, WIDTH + 5, WIDTH + 105):
        assert read(cache, source, start, 100) == body[start : start + 100]

    assert fetches == [1000, 10, WIDTH + 5]


def test_a_range_longer_than_a_stretch_is_read_alone(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    body = TABLE * (2 * WIDTH // len(TABLE))
    source = stored(private, body)

    assert read(cache, source, 7, WIDTH + 1) == body[7 : WIDTH + 8]


def test_another_version_of_the_table_is_not_read_from_the_stretch(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    old = stored(private)
    read(cache, old, 0, 100)
    new = stored(private, TABLE[::-1])

    assert read(cache, new, 0, 100) == TABLE[::-1][:100]
    with pytest.raises(PreconditionFailedError):
        read(cache, old, 0, 100)


@pytest.mark.covers("F33")
def test_a_table_deleted_or_replaced_is_noticed_though_its_bytes_are_at_hand(
    private: MemoryStore, cache: RangeCache
) -> None:
    source = stored(private)
    read(cache, source, 0, 100)

    stored(private, b"another")
    with pytest.raises(PreconditionFailedError):
        read(cache, source, 100, 100)
    private.delete_many([KEY])
    with pytest.raises(ObjectNotFoundError):
        read(cache, source, 100, 100)


def test_without_looking_ahead_no_more_than_the_range_is_fetched(
    private: MemoryStore, fetches: list[int], cache: RangeCache
) -> None:
    source = stored(private)

    parts = [read(cache, source, start, 100, ahead=False) for start in (0, 100)]

    assert parts == [TABLE[:100], TABLE[100:200]]
    assert fetches == [0, 100]


def test_a_fetch_is_watched_piece_by_piece(private: MemoryStore, cache: RangeCache) -> None:
    source, pieces = stored(private, TABLE * 64), []

    with cache.range_of(
        source, start=0, length=10, ahead=True, watch=lambda: pieces.append(1)
    ) as body:
        assert body.read() == TABLE[:10]

    assert len(pieces) > 1


def test_a_table_that_ends_early_gives_what_it_has(private: MemoryStore, cache: RangeCache) -> None:
    source = stored(private)

    assert read(cache, source, len(TABLE) - 10, 100) == TABLE[-10:]


def test_a_fetch_that_failed_leaves_nothing_to_read_from(
    private: MemoryStore, cache: RangeCache
) -> None:
    source = stored(private)
    gone = Source(key=KEY.replace("source", "gone"), etag=source.etag)

    with pytest.raises(ObjectNotFoundError):
        read(cache, gone, 0, 10)
    assert read(cache, source, 0, 10) == TABLE[:10]
