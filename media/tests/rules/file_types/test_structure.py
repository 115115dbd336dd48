import io
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.errors import (
    ContentError,
    FileCorruptError,
    FileTooLargeError,
    FileTruncatedError,
    ImageUndecodableError,
    TooManyScansError,
)
from media.rules.file_types import image_header
from media.rules.file_types.content_types import FILE_TYPES
from media.rules.file_types.structure import require_complete
from media.rules.limits import MAX_FILE_SIZE
from media.tests.rules.file_types.specimens import (
    IMAGE_FORMATS,
    VALID_FILES,
    animation,
    box,
    ftyp,
    gif,
    jpeg_with_channels,
    mp3,
    pdf,
    png,
    scans,
    still,
)

VALID_BYTES = {content_type: build() for content_type, build in VALID_FILES.items()}
# An MP3 that declares no length is complete wherever it ends.
TRUNCATABLE = [content_type for content_type in VALID_FILES if content_type != "audio/mpeg"]


def check(content: bytes, content_type: str) -> None:
    require_complete(io.BytesIO(content), content_type)


@pytest.mark.parametrize("content_type", VALID_FILES)
def test_a_complete_file_passes(content_type: str) -> None:
    check(VALID_BYTES[content_type], content_type)


@pytest.mark.parametrize("content_type", [name for name in IMAGE_FORMATS if name != "image/jpeg"])
def test_a_complete_animation_passes(content_type: str) -> None:
    check(animation(content_type), content_type)


@pytest.mark.parametrize("channels", [2, 5])
def test_a_jpeg_with_an_unsupported_number_of_channels_is_refused_with_that_number(
    channels: int,
) -> None:
    with pytest.raises(ImageUndecodableError) as excinfo:
        check(jpeg_with_channels(channels), "image/jpeg")

    assert excinfo.value.detail == (
        f"The image has {channels} color channels, which programs cannot show. Save it as an"
        " ordinary RGB image and upload it again."
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_jpeg_in_grey_color_or_cmyk_passes(channels: int) -> None:
    check(jpeg_with_channels(channels), "image/jpeg")


@pytest.mark.covers("T31")
@pytest.mark.parametrize("content_type", TRUNCATABLE)
@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.75, 0.95])
def test_a_truncated_file_is_refused(content_type: str, fraction: float) -> None:
    content = VALID_BYTES[content_type]

    with pytest.raises((FileTruncatedError, FileCorruptError)):
        check(content[: int(len(content) * fraction)], content_type)


@pytest.mark.covers("T31")
@pytest.mark.parametrize("content_type", IMAGE_FORMATS)
def test_an_image_without_its_last_bytes_is_truncated(content_type: str) -> None:
    content = VALID_BYTES[content_type]

    with pytest.raises(FileTruncatedError) as excinfo:
        check(content[:-9], content_type)

    assert excinfo.value.code == "file_truncated"


@pytest.mark.parametrize("position", [0.2, 0.5, 0.8])
def test_one_flipped_bit_in_a_png_is_detected(position: float) -> None:
    content = bytearray(VALID_BYTES["image/png"])
    content[int(len(content) * position)] ^= 1

    with pytest.raises(FileCorruptError):
        check(bytes(content), "image/png")


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (png(0, 0)[:33], "image/png", "file_truncated"),
        (gif(1, 1, frames=0), "image/gif", "file_corrupt"),
        (b"\xff\xd8\xff\xd9", "image/jpeg", "file_corrupt"),
        (b"\xff\xd8\xff\xe0\x00\x01\xff\xd9", "image/jpeg", "file_corrupt"),
        (b"RIFF\x0c\x00\x00\x00WEBPVP8 \x00\x00\x00\x00", "image/webp", "file_corrupt"),
        (ftyp(b"avif", b"avif"), "image/avif", "file_truncated"),
        (ftyp(b"avif") + box(b"meta", bytes(4)), "image/avif", "file_corrupt"),
        (ftyp(b"isom", b"isom"), "video/mp4", "file_truncated"),
        (ftyp(b"isom", b"isom") + box(b"mdat", bytes(9)), "video/mp4", "file_truncated"),
        (ftyp(b"isom") + box(b"mdat") + box(b"moov"), "video/mp4", "file_corrupt"),
        (b"%PDF-1.7\n", "application/pdf", "file_truncated"),
        (b"%PDF-1.7\n%%EOF", "application/pdf", "file_corrupt"),
        (pdf().replace(b"startxref\n", b"startxref\n9"), "application/pdf", "file_corrupt"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10), "audio/mpeg", "file_truncated"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(900), "audio/mpeg", "file_truncated"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + b"x" * 900, "audio/mpeg", "file_corrupt"),
        (b"ID3\x04\x00\x00\x00\x00\x7f\x7f", "audio/mpeg", "file_truncated"),
        (b"ID3\x04\x00\x00\xff\x00\x00\x00", "audio/mpeg", "file_corrupt"),
        (mp3(frames=1)[:200], "audio/mpeg", "file_corrupt"),
        (b"PK\x03\x04" + bytes(100), "application/zip", "file_truncated"),
    ],
)
def test_each_kind_of_damage_has_its_code(content: bytes, content_type: str, code: str) -> None:
    with pytest.raises(ContentError) as excinfo:
        check(content, content_type)

    assert excinfo.value.code == code


@pytest.mark.covers("T31")
@pytest.mark.parametrize(
    ("count", "size", "accepted"),
    [
        (500, (2000, 2500), True),
        (501, (64, 48), False),
        (50, (6000, 8000), True),
        (53, (6000, 8000), False),
        (20, (10000, 12000), True),
        (21, (10000, 12000), False),
    ],
)
def test_the_number_of_scans_is_limited_by_the_number_of_pixels(
    count: int, size: tuple[int, int], *, accepted: bool
) -> None:
    content = scans(count, size)

    if accepted:
        check(content, "image/jpeg")
        return
    with pytest.raises(TooManyScansError, match="too many for its size"):
        check(content, "image/jpeg")


def test_an_mp3_shorter_than_its_xing_header_declares_is_truncated() -> None:
    frame_bytes = 417
    declared_bytes = (frame_bytes * 40).to_bytes(4, "big")
    first = b"\xff\xfb\x90\x64" + bytes(32) + b"Xing\x00\x00\x00\x02" + declared_bytes
    content = first.ljust(frame_bytes, b"\x00") + mp3(frames=39, tag=False)

    check(content, "audio/mpeg")
    with pytest.raises(FileTruncatedError):
        check(content[: len(content) // 2], "audio/mpeg")


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_SIZE + 1)

    with path.open("rb") as file, pytest.raises(FileTooLargeError):
        require_complete(file, "image/png")


@pytest.mark.covers("T31")
@pytest.mark.parametrize(
    ("build", "content_type"),
    [
        (lambda: gif(1, 1, frames=2_000_000), "image/gif"),
        (lambda: b"GIF89a" + bytes(7) + b"!\xff" + b"\x01x" * 10_000_000 + b"\x00;", "image/gif"),
        (lambda: b"\xff\xd8" + b"\xff\xe1\x00\x02" * 5_000_000 + b"\xff\xd9", "image/jpeg"),
        (lambda: still("image/jpeg")[:-2] + b"\xff\xda\x00\x02\x01" * 2_000_000, "image/jpeg"),
        (lambda: still("image/jpeg")[:-2] + b"\xff\xd0" * 20_000_000, "image/jpeg"),
        (lambda: ftyp(b"isom", b"isom") + box(b"free") * 4_000_000, "video/mp4"),
        (lambda: mp3(frames=1)[:20] + b"\xff\xfb\x90\x64" * 4_000_000, "audio/mpeg"),
    ],
    ids=["frames", "blocks", "segments", "scans", "restarts", "boxes", "syncs"],
)
def test_a_file_of_millions_of_blocks_takes_at_most_two_seconds(
    build: Callable[[], bytes], content_type: str
) -> None:
    content = build()

    start = time.process_time()
    with suppress(ContentError):
        check(content, content_type)

    assert time.process_time() - start < 2.0


def examine(content: bytes, content_type: str) -> None:
    """Check bytes as ingest does; only InvalidErrors may be raised."""
    file = io.BytesIO(content)
    for check_file in (require_complete, image_header.measure):
        if check_file is image_header.measure and content_type not in IMAGE_FORMATS:
            continue
        try:
            check_file(file, content_type)
        except ContentError:
            continue


@pytest.mark.covers("T30", "T31")
@given(content=st.binary(max_size=600), content_type=st.sampled_from(sorted(FILE_TYPES)))
@settings(max_examples=300, deadline=None)
def test_random_bytes_after_a_valid_start_are_refused_with_a_known_error(
    content: bytes, content_type: str
) -> None:
    start = VALID_BYTES[content_type]

    for lengths in (0, 12, 40, len(start) // 2):
        examine(start[:lengths] + content, content_type)


@pytest.mark.covers("T30", "T31")
@given(seed=st.integers(0, 2**32), content_type=st.sampled_from(sorted(FILE_TYPES)))
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_files_are_accepted_or_refused_with_a_known_error(
    seed: int, content_type: str
) -> None:
    random_source = random.Random(seed)
    content = bytearray(VALID_BYTES[content_type])

    for _ in range(random_source.randint(1, 12)):
        offset = random_source.randrange(len(content))
        match random_source.randrange(4):
            case 0:
                content[offset] = random_source.randrange(256)
            case 1:
                content[offset : offset + 4] = random_source.choice(
                    (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff")
                )
            case 2:
                del content[offset : offset + random_source.randint(1, 30)]
            case _:
                content[offset:offset] = random_source.randbytes(random_source.randint(1, 30))
        content = content or bytearray(b"\x00")

    examine(bytes(content), content_type)
