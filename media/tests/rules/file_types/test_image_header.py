import io
import time
import tracemalloc

import pytest

from media.errors import FileCorruptError, ImageTooLargeError
from media.rules.file_types.image_header import ImageHeader, measure, require_within_limits
from media.rules.limits import MAX_FRAMES
from media.tests.rules.file_types.specimens import (
    IMAGE_FORMATS,
    WITH_DECLARED_SIZE,
    animation,
    encoded,
    ftyp,
    gif,
    mp4,
    png,
    png_chunk,
    sample_image,
    still,
)


@pytest.mark.parametrize("content_type", IMAGE_FORMATS)
def test_a_still_is_measured(content_type: str) -> None:
    header = measure(io.BytesIO(still(content_type)), content_type)

    assert header == ImageHeader(width=64, height=48, frames=1)


@pytest.mark.parametrize("content_type", [name for name in IMAGE_FORMATS if name != "image/jpeg"])
@pytest.mark.parametrize("frames", [2, 7])
def test_the_frames_of_an_animation_are_counted(content_type: str, frames: int) -> None:
    header = measure(io.BytesIO(animation(content_type, frames)), content_type)

    assert header == ImageHeader(width=64, height=48, frames=frames)


def test_an_avif_sequence_with_a_track_header_of_32_bit_times_is_measured() -> None:
    movie = mp4(seconds=3).replace(b"vide", b"pict")  # a frame for each second
    whole = ftyp(b"avis") + movie[movie.index(b"mdat") - 4 :]

    header = measure(io.BytesIO(whole), "image/avif")

    assert header == ImageHeader(width=320, height=240, frames=3)


@pytest.mark.parametrize(
    ("content_type", "options"),
    [
        ("image/webp", {"lossless": True}),
        ("image/webp", {"exif": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00"}),
        ("image/jpeg", {"progressive": True}),
        ("image/jpeg", {"restart_marker_rows": 1}),
        ("image/png", {"compress_level": 0}),
        ("image/gif", {"interlace": 0}),
    ],
)
def test_every_variant_of_a_format_is_measured(
    content_type: str, options: dict[str, object]
) -> None:
    header = measure(io.BytesIO(encoded(sample_image(), content_type, **options)), content_type)

    assert (header.width, header.height) == (64, 48)


def test_the_size_ignores_the_exif_orientation() -> None:
    rotated = encoded(sample_image(), "image/jpeg", exif=_orientation(6))

    assert measure(io.BytesIO(rotated), "image/jpeg") == ImageHeader(width=64, height=48)


def test_an_apng_counts_a_default_image_that_is_not_a_frame() -> None:
    control = png_chunk(b"acTL", (3).to_bytes(4, "big") + bytes(4))
    content = png(2, 2, bytes(6), control)
    frame = png_chunk(b"fcTL", bytes(26))

    header = measure(io.BytesIO(content[:-12] + frame + content[-12:]), "image/png")

    assert header.frames == 4
    assert measure(io.BytesIO(content), "image/png").frames == 1  # a count of no frames


@pytest.mark.covers("T31")
@pytest.mark.parametrize("content_type", WITH_DECLARED_SIZE)
def test_a_pixel_flood_is_refused_without_allocating(content_type: str) -> None:
    file = io.BytesIO(WITH_DECLARED_SIZE[content_type](65_535, 65_535))

    tracemalloc.start()
    with pytest.raises(ImageTooLargeError) as excinfo:
        require_within_limits(measure(file, content_type))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert excinfo.value.ctx["exceeded"] == "side"
    assert excinfo.value.ctx["width"] == 65_535
    assert peak < 2 * 1024 * 1024


@pytest.mark.covers("T31")
@pytest.mark.parametrize(
    ("width", "height", "frames", "exceeded_limit"),
    [
        (16_383, 7_324, 1, None),
        (16_383, 7_325, 1, "pixels"),
        (12_000, 10_000, 1, None),
        (11_648, 8_736, 1, None),  # 102 megapixels of a medium format camera
        (10_000, 10_000, 1, None),
        (12_001, 10_000, 1, "pixels"),
        (16_384, 1, 1, "side"),
        (1, 16_384, 1, "side"),
        (1, 1, 1_000, None),
        (1, 1, 1_001, "frames"),
        (1_000, 1_000, 100, None),
        (1_000, 1_000, 101, "pixels"),
        (10_000, 5_000, 2, None),
        (10_001, 5_000, 2, "pixels"),
    ],
)
def test_the_limits_are_exact(
    width: int, height: int, frames: int, exceeded_limit: str | None
) -> None:
    header = ImageHeader(width=width, height=height, frames=frames)

    if exceeded_limit is None:
        require_within_limits(header)
    else:
        with pytest.raises(ImageTooLargeError) as excinfo:
            require_within_limits(header)
        assert excinfo.value.code == "image_too_large"
        assert excinfo.value.ctx["exceeded"] == exceeded_limit


@pytest.mark.covers("T31")
def test_counting_frames_stops_at_the_limit() -> None:
    flood = io.BytesIO(gif(1, 1, frames=2_000_000))

    start = time.process_time()
    header = measure(flood, "image/gif")

    assert header.frames == MAX_FRAMES + 1
    assert time.process_time() - start < 0.5


def test_a_gif_frame_outside_the_screen_enlarges_the_size() -> None:
    content = gif(1, 1).replace(
        b"\x2c" + bytes(4), b"\x2c" + (20_000).to_bytes(2, "little") + bytes(2)
    )

    assert measure(io.BytesIO(content), "image/gif").width == 20_001


@pytest.mark.covers("T31")
@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/gif", "image/avif"])
def test_a_side_of_zero_is_corrupt(content_type: str) -> None:
    build = WITH_DECLARED_SIZE[content_type]
    empty = build(0, 0) if content_type != "image/gif" else gif(0, 0, frames=0)

    with pytest.raises(FileCorruptError):
        measure(io.BytesIO(empty), content_type)


def _orientation(value: int) -> bytes:
    exif = sample_image().getexif()
    exif[0x0112] = value
    return exif.tobytes()
