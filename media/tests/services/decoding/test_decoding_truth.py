"""The expected result for every kind of image, at ingest and at the full decode."""

import random
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media.errors import ContentError
from media.rules.file_types import image_header, structure
from media.services.decoding import decode
from media.tests.rules.file_types.specimens import (
    IMAGE_FORMATS,
    NOT_ACCEPTED_FILES,
    SRGB,
    WITH_DECLARED_SIZE,
    animation,
    encoded,
    gif,
    png,
    png_chunk,
    sample_image,
    still,
)
from media.tests.rules.file_types.tolerated import TOLERATED

JPEG, PNG, WEBP, GIF, AVIF = IMAGE_FORMATS
OK = "ok"
REFUSED = "refused, for any reason"  # for files that ingest rejects
Row = tuple[str, str, Callable[[], bytes], str, str]


def truncated(content_type: str, share: float) -> bytes:
    content = still(content_type)
    return content[: int(len(content) * share)]


def broken(content_type: str, marker: bytes, length: int = 3) -> bytes:
    """Return an image whose bytes after a marker are inverted."""
    content = bytearray(still(content_type))
    start = content.rindex(marker) + (len(marker) if marker.isalpha() else 0)
    for offset in range(start, start + length):
        content[offset] ^= 0xFF
    return bytes(content)


def interlaced(*, missing: int = 0) -> bytes:
    """Return an 8 by 8 grey PNG in the seven passes of Adam7, 15 rows of 79 bytes in all."""
    passes = bytes(2 + 2 + 3 + 2 * 3 + 2 * 5 + 4 * 5 + 4 * 9)
    content = png(8, 8, passes[: len(passes) - missing])
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    return content[:8] + head + content[8 + len(head) :]


def sixteen_bit() -> bytes:
    grey = Image.frombytes("I;16", (64, 48), bytes(range(256)) * 24)
    return encoded(grey, PNG)


def text_bomb() -> bytes:
    packed = zlib.compress(bytes(30_000_000), 9)
    return png(64, 48, b"\x00" * 65 * 48, png_chunk(b"zTXt", b"Comment\x00\x00" + packed))


def half_jpeg() -> bytes:
    """Return a JPEG cut in half and closed with an end mark."""
    return truncated(JPEG, 0.6) + b"\xff\xd9"


def stray(content: bytes) -> bytes:
    offset = content.index(b"\xff\xdb")
    return content[:offset] + b"stray" + content[offset:]


def scrambled(content_type: str, marker: bytes, **options: Any) -> bytes:
    """Return an image with other compressed pixels, but no additional marker."""
    content = bytearray(encoded(sample_image(size=(320, 240)), content_type, **options))
    for offset in range(content.index(marker) + 40, len(content) - 2):
        if content[offset] not in {0x00, 0xFF} and content[offset - 1] != 0xFF:
            content[offset] = content[offset] ^ 0x55 if content[offset] ^ 0x55 != 0xFF else 0xFE
    return bytes(content)


def overfull(extra: bytes) -> bytes:
    return still(JPEG)[:-2] + extra + b"\xff\xd9"


def short_animation() -> bytes:
    content = animation(PNG)
    offset = content.rindex(b"fdAT") - 4
    length = int.from_bytes(content[offset : offset + 4], "big")
    body = content[offset + 8 : offset + 8 + length]
    rows = zlib.decompress(body[4:])
    shorter = png_chunk(b"fdAT", body[:4] + zlib.compress(rows[: len(rows) // 2]))
    return content[:offset] + shorter + content[offset + 12 + length :]


def short_of_pixels() -> bytes:
    return png(64, 48, b"\x00" * 65 * 20)


def emptied_jpeg() -> bytes:
    content = still(JPEG)
    return content[: content.index(b"\xff\xda") + 14] + b"\xff\xd9"


def lossless_jpeg() -> bytes:
    return still(JPEG).replace(b"\xff\xc0", b"\xff\xc3", 1)


VALID: list[Row] = [
    *((f"still {name}", name, partial(still, name), OK, OK) for name in IMAGE_FORMATS),
    *(
        (f"animated {name}", name, partial(animation, name), OK, OK)
        for name in IMAGE_FORMATS
        if name != JPEG
    ),
    ("progressive", JPEG, lambda: encoded(sample_image(), JPEG, progressive=True), OK, OK),
    ("restart markers", JPEG, lambda: encoded(sample_image(), JPEG, restart_marker_rows=1), OK, OK),
    ("CMYK", JPEG, lambda: encoded(sample_image("CMYK"), JPEG), OK, OK),
    ("grey JPEG", JPEG, lambda: encoded(sample_image("L"), JPEG), OK, OK),
    ("JPEG with profile", JPEG, lambda: encoded(sample_image(), JPEG, icc_profile=SRGB), OK, OK),
    ("JPEG of one pixel", JPEG, lambda: encoded(sample_image(size=(1, 1)), JPEG), OK, OK),
    ("16 bit grey", PNG, sixteen_bit, OK, OK),
    ("palette", PNG, lambda: encoded(sample_image("P"), PNG), OK, OK),
    ("one bit", PNG, lambda: encoded(sample_image("1"), PNG), OK, OK),
    ("grey", PNG, lambda: encoded(sample_image("L"), PNG), OK, OK),
    ("grey with alpha", PNG, lambda: encoded(sample_image("LA"), PNG), OK, OK),
    ("colour with alpha", PNG, lambda: encoded(sample_image("RGBA"), PNG), OK, OK),
    ("palette with alpha", PNG, lambda: encoded(sample_image("P"), PNG, transparency=0), OK, OK),
    ("lossless WebP", WEBP, lambda: encoded(sample_image(), WEBP, lossless=True), OK, OK),
    ("WebP with alpha", WEBP, lambda: encoded(sample_image("RGBA"), WEBP), OK, OK),
    ("AVIF with alpha", AVIF, lambda: encoded(sample_image("RGBA"), AVIF, speed=10), OK, OK),
    (
        "AVIF without subsampling",
        AVIF,
        lambda: encoded(sample_image(), AVIF, subsampling="4:4:4"),
        OK,
        OK,
    ),
    (
        "AVIF of another size",
        AVIF,
        lambda: WITH_DECLARED_SIZE[AVIF](640, 480),
        OK,
        OK,
    ),  # browsers scale it
    ("interlaced GIF", GIF, lambda: encoded(sample_image("P"), GIF, interlace=1), OK, OK),
    ("transparent GIF", GIF, lambda: encoded(sample_image("P"), GIF, transparency=0), OK, OK),
    ("PNG text bomb", PNG, text_bomb, OK, OK),  # no decoder is given it
    ("JPEG padded before its end mark", JPEG, lambda: overfull(bytes(3600)), OK, OK),
    ("JPEG with stray bytes before its end mark", JPEG, lambda: overfull(b"stray"), OK, OK),
    *(
        (name, content_type, build, OK, OK)
        for name, (content_type, build) in TOLERATED.items()
        if content_type in IMAGE_FORMATS
    ),
    ("interlaced PNG", PNG, interlaced, OK, OK),
    ("a little after the end", JPEG, lambda: still(JPEG) + bytes(200), OK, OK),
]
INVALID: list[Row] = [
    *(
        (f"{name} cut at {share}", name, partial(truncated, name, share), "file_truncated", REFUSED)
        for name in IMAGE_FORMATS
        for share in (0.5, 0.9)
    ),
    *((f"empty {name}", name, bytes, "file_empty", REFUSED) for name in IMAGE_FORMATS),
    *(
        (f"{name} of 65,535 pixels a side", name, partial(build, 65_535, 65_535),
         "image_too_large", "image_too_large")
        for name, build in WITH_DECLARED_SIZE.items()
    ),
    *(
        (f"{name} as PNG", PNG, partial(NOT_ACCEPTED_FILES.__getitem__, name),
         "content_type_mismatch", REFUSED)
        for name in ("tiff little", "psd", "postscript", "eps", "bmp", "heic", "svg", "ico")
    ),
    ("WebP as JPEG", JPEG, lambda: still(WEBP), "content_type_mismatch", REFUSED),
    ("PNG as GIF", GIF, lambda: still(PNG), "content_type_mismatch", REFUSED),
    ("flipped PNG", PNG, lambda: broken(PNG, b"IDAT", 20), "file_corrupt", REFUSED),
    ("PNG without all rows", PNG, short_of_pixels, OK, "file_truncated"),
    ("interlaced PNG without its last row", PNG, lambda: interlaced(missing=9), OK,
     "file_truncated"),
    ("JPEG without pixels", JPEG, emptied_jpeg, OK, "file_truncated"),
    ("JPEG with half of its pixels", JPEG, half_jpeg, OK, "file_truncated"),
    ("half a JPEG behind stray bytes", JPEG, lambda: stray(half_jpeg()), OK, "file_truncated"),
    ("JPEG with scrambled pixels", JPEG, lambda: scrambled(JPEG, b"\xff\xda", progressive=True),
     OK, "image_undecodable"),
    ("WebP with overwritten pixels", WEBP, lambda: still(WEBP)[:200] + b"\xff" * (
        len(still(WEBP)) - 200), OK, "image_undecodable"),
    ("AVIF with scrambled pixels", AVIF, lambda: scrambled(AVIF, b"mdat"), OK,
     "image_undecodable"),
    ("GIF whose frame ends early", GIF, lambda: gif(9, 9).replace(b"\x01\x00\x01\x00\x00\x02",
     b"\x09\x00\x09\x00\x00\x02"), OK, "file_truncated"),
    ("APNG whose last frame lacks rows", PNG, short_animation, OK, "file_truncated"),
    ("WebP with a broken picture header", WEBP, lambda: broken(WEBP, b"\x9d\x01\x2a"),
     "file_corrupt", REFUSED),
    ("AVIF with a broken stream", AVIF, lambda: broken(AVIF, b"mdat", 12), OK,
     "image_undecodable"),
    ("WebP canvas over a small picture", WEBP, lambda: WITH_DECLARED_SIZE[WEBP](640, 480), OK,
     "image_undecodable"),
    ("lossless JPEG", JPEG, lossless_jpeg, OK, "image_undecodable"),
    ("GIF of 1,001 frames", GIF, lambda: gif(1, 1, 1001), "image_too_large", "image_too_large"),
    ("GIF of too many pixels", GIF, lambda: gif(1000, 1000, 101), "image_too_large",
     "image_too_large"),
    ("GIF without frames", GIF, lambda: gif(1, 1, 0), "file_corrupt", REFUSED),
]  # fmt: skip


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except ContentError as refusal:
        return refusal.code
    return OK


def ingest(path: Path, content_type: str) -> None:
    with path.open("rb") as file:
        structure.require_complete(file, content_type)
        image_header.require_within_limits(image_header.measure(file, content_type))


@pytest.mark.covers("T30", "T31", "T36")
@pytest.mark.parametrize(
    ("content_type", "build", "at_ingest", "at_decode"),
    [pytest.param(*row[1:], id=row[0]) for row in VALID + INVALID],
)
def test_each_file_has_the_expected_outcome(
    tmp_path: Path, content_type: str, build: Callable[[], bytes], at_ingest: str, at_decode: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(build())

    decode_outcome = outcome(lambda: decode.decode(path, content_type))

    assert outcome(lambda: ingest(path, content_type)) == at_ingest
    assert (decode_outcome != OK) if at_decode == REFUSED else (decode_outcome == at_decode)


@pytest.mark.covers("T30", "T31")
@pytest.mark.parametrize("content_type", IMAGE_FORMATS)
def test_damaged_images_decode_or_are_refused_with_a_known_error(
    tmp_path: Path, content_type: str
) -> None:
    path = tmp_path / "file"
    random_source = random.Random(20)
    outcomes: Counter[str] = Counter()

    for _ in range(30):
        content = bytearray(still(content_type))
        for _ in range(random_source.randint(1, 6)):
            content[random_source.randrange(len(content))] = random_source.randrange(256)
        path.write_bytes(content)
        outcomes[outcome(partial(decode.decode, path, content_type))] += 1

    assert outcomes.total() == 30
    assert outcomes.keys() <= {OK, "image_undecodable", "file_corrupt", "file_truncated",
                               "image_too_large"}  # fmt: skip
    assert len(outcomes) > 1
