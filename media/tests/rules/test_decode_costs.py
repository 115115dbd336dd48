import pytest

from media.rules.decode_costs import cost_of, cpu_seconds, max_memory, wall_seconds
from media.rules.limits import MIB


# The megabytes are those measured at that size (docs/design/decoding.md).
@pytest.mark.parametrize(
    ("content_type", "width", "height", "measured", "is_slow", "is_largest"),
    [
        ("image/jpeg", 4000, 3000, 138, False, False),
        ("image/jpeg", 6000, 5000, 360, False, False),
        ("image/jpeg", 8000, 6250, 573, True, False),
        ("image/jpeg", 12000, 10000, 1374, True, True),
        ("image/png", 4000, 2500, 77, False, False),
        ("image/png", 8000, 6250, 383, True, False),
        ("image/png", 12000, 10000, 918, True, True),
        ("image/webp", 4000, 3000, 211, True, False),
        ("image/webp", 8000, 6250, 888, True, False),
        ("image/webp", 12000, 10000, 1850, True, True),
        ("image/avif", 12000, 10000, 2205, True, True),
        ("image/avif", 8000, 6250, 965, True, False),
        ("image/gif", 8000, 6250, 48, True, False),
        ("application/pdf", None, None, 0, False, False),
    ],
)
def test_an_estimate_covers_what_was_measured(
    content_type: str,
    width: int | None,
    height: int | None,
    measured: int,
    *,
    is_slow: bool,
    is_largest: bool,
) -> None:
    cost = cost_of(content_type, width, height)

    assert cost.memory >= measured * MIB
    assert (cost.is_slow, cost.is_largest) == (is_slow, is_largest)
    assert cost.memory <= max_memory(12_000 * 10_000)


@pytest.mark.parametrize(
    ("pixels", "cpu", "wall"), [(0, 2, 20), (50_000_000, 12, 40), (120_000_000, 26, 68)]
)
def test_the_time_grows_with_the_pixels(pixels: int, cpu: int, wall: float) -> None:
    assert cpu_seconds(10, pixels) == cpu
    assert wall_seconds(20, pixels) == wall
