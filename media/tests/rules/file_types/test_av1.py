"""The size an AV1 stream is coded in, whatever its container says."""

import io

import pytest

from media.rules.formats import av1, avif
from media.rules.formats.reader import Reader
from media.tests.rules.file_types.specimens import FLOODS, animation, encoded, sample_image

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
    whole = encoded(sample_image(mode), AVIF, **options)

    assert avif.differing_size(Reader(io.BytesIO(whole))) is None


def test_the_offset_of_the_declared_size_is_found() -> None:
    whole = FLOODS[AVIF](63, 47)

    coded = avif.differing_size(Reader(io.BytesIO(whole)))

    assert coded is not None
    assert coded[1:] == (64, 48)
    assert int.from_bytes(whole[coded.offset : coded.offset + 4], "big") == 63


def test_a_sequence_has_the_size_of_its_track() -> None:
    assert avif.differing_size(Reader(io.BytesIO(animation(AVIF)))) is None
