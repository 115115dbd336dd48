"""The coded size of an AV1 stream, even if its container declares another."""

import io
import struct
from typing import Any

import pytest

from media.rules.formats import av1, avif
from media.rules.formats.reader import Reader
from media.tests.rules.file_types.specimens import (
    WITH_DECLARED_SIZE,
    animation,
    box,
    encoded,
    ftyp,
    sample_image,
)

AVIF = "image/avif"
REDUCED = bytes.fromhex("0a0a182231f2b6880868342032")  # a still of 400 by 300
# The same size in the header of a video: one operating point of level 8, which has a tier bit.
FULL = b"\x0a\x07" + int(
    "0001000" "00000" "000000000000" "01000" "0"  # to the tier
    "1000" "1000" "110001111" "100101011", 2,
).to_bytes(7, "big")  # fmt: skip


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        (REDUCED, (400, 300)),
        (b"\x12\x00" + REDUCED, (400, 300)),
        (FULL, (400, 300)),
        (b"", None),
        (b"\x12\x00", None),
        (b"\x32\x03abc", None),
        (b"\x08\x18\x22\x31", None),
    ],
    ids=["still", "behind a delimiter", "full", "empty", "no header", "frame", "no length"],
)
def test_the_size_is_read_from_the_sequence_header(
    stream: bytes, size: tuple[int, int] | None
) -> None:
    assert av1.coded_size(stream) == size


@pytest.mark.parametrize("options", [{}, {"subsampling": "4:4:4"}, {"speed": 10}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_only_a_different_size_is_reported(mode: str, options: dict[str, object]) -> None:
    content = encoded(sample_image(mode), AVIF, **options)

    assert avif.differing_size(Reader(io.BytesIO(content))) is None


def test_the_offset_of_the_declared_size_is_found() -> None:
    content = WITH_DECLARED_SIZE[AVIF](63, 47)

    coded_size = avif.differing_size(Reader(io.BytesIO(content)))

    assert coded_size is not None
    assert coded_size[1:] == (64, 48)
    assert int.from_bytes(content[coded_size.offset : coded_size.offset + 4], "big") == 63


def test_a_sequence_has_the_size_of_its_track() -> None:
    assert avif.differing_size(Reader(io.BytesIO(animation(AVIF)))) is None


def container(
    version: int, base_size: int, index_size: int, *, method: int = 0, stream: bytes = REDUCED
) -> bytes:
    """Return an AVIF whose second item, a stream of 400 by 300, is declared as 63 by 47.

    `version` is that of its table of item locations, which has fields of the given sizes.
    """
    head = ftyp(b"avif")
    start = len(head) + 8 + 5  # in `mdat`, behind other data
    base = start - 3 if base_size else 0

    def item(number: int, offset: int, extents: int) -> bytes:
        extent = bytes(index_size) + struct.pack(">II", offset, len(stream))
        return (
            number.to_bytes(4 if version == 2 else 2, "big")
            + (struct.pack(">H", method) if version else b"")
            + bytes(2)
            + base.to_bytes(base_size, "big")
            + struct.pack(">H", extents)
            + extent * extents
        )

    count = struct.pack(">I" if version == 2 else ">H", 2)
    sizes = struct.pack(">B3xBB", version, 0x44, base_size << 4 | index_size)
    properties = [
        box(b"ispe", bytes(4), struct.pack(">II", 9, 9)),
        box(b"pixi", bytes(4), b"\x01\x08"),
        box(b"ispe", bytes(4), struct.pack(">II", 63, 47)),
    ]
    if version == 2:  # as for more than 65,535 items
        primary = box(b"pitm", b"\x01\0\0\0", struct.pack(">I", 2))
        links = struct.pack(">B2xBIIBHIBHH", 1, 1, 2, 1, 1, 1, 2, 2, 0x8002, 0x8003)
    else:
        primary = box(b"pitm", bytes(4), struct.pack(">H", 2))
        links = struct.pack(">B2xBIHBBHBBB", 0, 0, 2, 1, 1, 1, 2, 2, 0x82, 0x83)
    meta = box(
        b"meta",
        bytes(4),
        primary,
        box(b"iloc", sizes, count, item(1, 0, 2), item(2, start - base, 1)),
        box(b"iprp", box(b"ipco", *properties), box(b"ipma", links)),
    )
    return head + box(b"mdat", bytes(5), stream) + meta


@pytest.mark.parametrize(
    ("version", "base_size", "index_size"),
    [(0, 0, 0), (0, 4, 0), (1, 8, 4), (1, 0, 8), (2, 4, 0), (2, 8, 4)],
)
def test_the_stream_is_found_in_every_table_of_item_locations(
    version: int, base_size: int, index_size: int
) -> None:
    content = container(version, base_size, index_size)

    coded_size = avif.differing_size(Reader(io.BytesIO(content)))

    assert coded_size == (content.index(struct.pack(">II", 63, 47)), 400, 300)


@pytest.mark.parametrize("options", [{"method": 1}, {"stream": b"\x12\x00"}], ids=str)
def test_an_image_without_a_known_coded_size_is_not_reported(options: dict[str, Any]) -> None:
    content = container(1, 4, 0, **options)  # method 1: the offset does not count from the start

    assert avif.differing_size(Reader(io.BytesIO(content))) is None
