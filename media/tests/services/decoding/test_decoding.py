from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from django.conf import LazySettings
from PIL import Image
from structlog.testing import capture_logs

from media.errors import (
    DecodeLimitError,
    FileCorruptError,
    FileTruncatedError,
    ImageTooLargeError,
    ImageUndecodableError,
)
from media.services.decoding import client, decode
from media.services.decoding.decode import MediaProperties
from media.tests.rules.file_types.specimens import (
    SRGB,
    encoded,
    gif,
    jpeg_with_channels,
    mp3,
    mp4,
    pdf,
    sample_image,
    still,
)
from media.tests.services.decoding.decoders import decode_request

PATIENCE = 10.0
ROOT = Path(__file__).parents[4]


# --- Properties -------------------------------------------------------------------------------
def test_a_colour_profile_with_a_wrong_checksum_is_ignored(file: Callable[[bytes], Path]) -> None:
    photo = bytearray(encoded(Image.new("RGB", (30, 20)), "image/png", icc_profile=SRGB))
    start = photo.index(b"iCCP")
    photo[start + 4 + int.from_bytes(photo[start - 4 : start])] ^= 0xFF  # as browsers: shown

    assert decode.decode(file(bytes(photo)), "image/png").color_profile is None


def test_a_still_image_of_maximum_size_decodes(file: Callable[[bytes], Path]) -> None:
    largest = encoded(Image.new("L", (16_383, 7_324), 200), "image/jpeg")

    assert decode.decode(file(largest), "image/jpeg").dominant_color == "#c8c8c8"


def test_the_properties_of_a_photo_are_returned(file: Callable[[bytes], Path]) -> None:
    photo = encoded(Image.new("RGB", (300, 200), (200, 30, 60)), "image/png", icc_profile=SRGB)

    assert decode.decode(file(photo), "image/png") == MediaProperties(
        width=300,
        height=200,
        frames=1,
        dominant_color="#c81e3c",
        color_profile="sRGB built-in",
        duration=None,
    )


def test_every_frame_of_an_animation_is_decoded(file: Callable[[bytes], Path]) -> None:
    content = gif(4, 4, frames=5)
    pixels = b"\x02\x02\x44\x01\x00"  # of the last frame, which are removed
    incomplete = content[: content.rindex(pixels)] + b"\x02\x00;"

    assert decode.decode(file(content), "image/gif").frames == 5
    with pytest.raises(FileTruncatedError):
        decode.decode(file(incomplete), "image/gif")


def test_the_dominant_colour_is_that_of_most_pixels(file: Callable[[bytes], Path]) -> None:
    scene = Image.new("RGB", (400, 400), (250, 250, 245))
    scene.paste((180, 20, 20), (0, 0, 400, 260))

    properties = decode.decode(file(encoded(scene, "image/png")), "image/png")

    assert properties.dominant_color == "#b41414"


def test_transparent_pixels_do_not_count(file: Callable[[bytes], Path]) -> None:
    scene = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    scene.paste((20, 120, 200, 255), (0, 0, 100, 100))

    properties_of_coloured = decode.decode(file(encoded(scene, "image/png")), "image/png")
    properties_of_transparent = decode.decode(
        file(encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 0)), "image/png")), "image/png"
    )

    assert properties_of_coloured.dominant_color == "#1478c8"
    assert properties_of_transparent.dominant_color is None


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "I;16", "CMYK"])
def test_every_image_mode_has_a_dominant_colour(mode: str, file: Callable[[bytes], Path]) -> None:
    white_image = Image.new("I;16", (80, 80), 65_535) if mode == "I;16" else None
    white_image = white_image or Image.new("RGB", (80, 80), "white").convert(mode)
    content_type = "image/jpeg" if mode == "CMYK" else "image/png"

    properties = decode.decode(file(encoded(white_image, content_type)), content_type)

    assert properties.dominant_color == "#ffffff"


def test_a_broken_profile_is_ignored(file: Callable[[bytes], Path]) -> None:
    photo = encoded(sample_image(), "image/jpeg", icc_profile=b"not a profile" * 20)

    assert decode.decode(file(photo), "image/jpeg").color_profile is None


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (mp4(seconds=3), "video/mp4", MediaProperties(duration=3.0, width=320, height=240)),
        (mp3(frames=383), "audio/mpeg", MediaProperties(duration=9.981)),
        (pdf(), "application/pdf", MediaProperties()),
    ],
)
def test_other_files_have_the_metadata_of_their_type(
    content: bytes, content_type: str, expected: MediaProperties, file: Callable[[bytes], Path]
) -> None:
    assert decode.inspect_file(file(content), content_type) == expected


@pytest.mark.covers("T30")
def test_the_reason_why_a_file_is_not_decoded_is_logged(file: Callable[[bytes], Path]) -> None:
    with capture_logs() as logs, pytest.raises(ImageUndecodableError):
        decode.decode(file(jpeg_with_channels(5)), "image/jpeg")

    assert [(line["event"], line["reason"]) for line in logs] == [
        ("file_not_decoded", "5 channels")
    ]


def test_a_video_without_tracks_is_corrupt(file: Callable[[bytes], Path]) -> None:
    with pytest.raises(FileCorruptError):
        decode.inspect_file(file(b"nothing to see or hear" * 9), "video/mp4")


# --- Limits -----------------------------------------------------------------------------------
@pytest.mark.covers("T31")
def test_too_many_pixels_are_refused_without_using_the_child(
    fresh_decoder: None, file: Callable[[bytes], Path]
) -> None:
    with pytest.raises(ImageTooLargeError):
        decode.decode(file(gif(65_535, 65_535)), "image/gif")

    assert client.running_pid() is None


def slow_gif() -> bytes:
    """Return a small GIF of a hundred frames of nine megapixels."""
    content = encoded(Image.new("P", (3000, 3000)), "image/gif")
    offset = content.index(b"\x2c\x00\x00\x00\x00")
    return content[:offset] + content[offset:-1] * 100 + b";"


def scan_bomb() -> bytes:
    """Return a progressive JPEG of a few kilobytes that makes a decoder pass 300 times over it."""
    content = encoded(Image.new("RGB", (4000, 4000)), "image/jpeg", progressive=True)
    offset = content.rindex(b"\xff\xda")
    return content[:offset] + content[offset:-2] * 300 + b"\xff\xd9"


@pytest.mark.covers("T31", "F06")
@pytest.mark.parametrize(("limit", "value"), [("cpu_seconds", 1), ("wall_seconds", 0.2)])
def test_a_decode_over_its_time_limit_is_ended_and_the_next_one_works(
    limit: str, value: float, file: Callable[[bytes], Path]
) -> None:
    request = decode_request(file(slow_gif())) | {"format": "GIF", "max_pixels": 10**10}

    reply = client.ask(request | {limit: value})

    assert reply["fault"] == "limit"
    assert decode.decode(file(still("image/png")), "image/png").frames == 1


@pytest.mark.covers("T31", "F06")
def test_a_decode_over_its_memory_limit_is_ended_and_the_next_one_works(
    file: Callable[[bytes], Path],
) -> None:
    path = file(encoded(Image.new("RGBA", (7000, 7000)), "image/png", compress_level=1))
    request = decode_request(path) | {"format": "PNG", "address_space": 160 * 2**20}

    reply = client.ask(request)

    assert reply["fault"] == "limit"
    assert decode.decode(file(still("image/png")), "image/png").frames == 1


@pytest.mark.covers("T31")
def test_the_settings_limit_a_decode(settings: LazySettings, file: Callable[[bytes], Path]) -> None:
    settings.DECODE_WALL_SECONDS = 0.01

    with pytest.raises(DecodeLimitError) as excinfo:
        decode.decode(file(scan_bomb()), "image/jpeg")

    assert excinfo.value.code == "decode_limit"


@pytest.mark.covers("T31")
def test_the_memory_of_the_child_does_not_grow_over_a_hundred_decodes(
    fresh_decoder: None, file: Callable[[bytes], Path]
) -> None:
    path = file(encoded(Image.new("RGB", (2000, 1500)), "image/jpeg"))
    for _ in range(5):
        decode.decode(path, "image/jpeg")
    pid = client.running_pid()
    before = psutil.Process(pid).memory_info().rss

    for _ in range(100):
        decode.decode(path, "image/jpeg")

    assert client.running_pid() == pid
    assert psutil.Process(pid).memory_info().rss < before * 1.1
