from datetime import timedelta

import pytest

from media.rules import limits


@pytest.mark.covers("T11")
@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        (None, 900),
        (1, 900),
        (900 * 32 * 1024, 900),
        (900 * 32 * 1024 + 1, 901),
        (limits.MAX_FILE_SIZE, 1600),
        (10 * limits.MAX_FILE_SIZE, 3600),
    ],
)
def test_a_url_is_valid_long_enough_for_the_slowest_upload(size: int | None, seconds: int) -> None:
    assert limits.url_lifetime(size) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("declared_bytes", "seconds"), [(0, 10), (20 * limits.MIB, 11), (limits.MAX_REQUEST_BYTES, 35)]
)
def test_the_time_limit_of_a_request_grows_with_its_files(
    declared_bytes: int, seconds: int
) -> None:
    assert limits.request_budget(declared_bytes) == timedelta(seconds=seconds)


def test_the_documented_limits() -> None:
    assert limits.MAX_FILE_SIZE == 52_428_800
    assert limits.MAX_REQUEST_BYTES == 524_288_000
    assert (limits.MAX_PIXELS, limits.MAX_ANIMATION_PIXELS) == (120_000_000, 100_000_000)
    assert (limits.MAX_SIDE, limits.MAX_FRAMES) == (16_383, 1_000)
