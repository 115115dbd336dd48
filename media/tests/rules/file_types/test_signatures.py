import io

import pytest

from media.errors import ContentTypeMismatchError, FileEmptyError
from media.rules.file_types.content_types import FILE_TYPES
from media.rules.file_types.signatures import sniff
from media.rules.file_types.structure import require_complete
from media.rules.formats.mp3 import frame_length
from media.tests.rules.file_types.specimens import (
    NOT_ACCEPTED_FILES,
    VALID_FILES,
    animation,
    ftyp,
    mp3,
)


@pytest.mark.parametrize("content_type", VALID_FILES)
def test_accepted_types_are_detected(content_type: str) -> None:
    assert sniff(VALID_FILES[content_type]()) == content_type


@pytest.mark.covers("T30", "T34", "T36")
@pytest.mark.parametrize("declared_type", FILE_TYPES)
@pytest.mark.parametrize("name", NOT_ACCEPTED_FILES)
def test_a_file_of_another_type_is_refused_whatever_type_is_declared(
    name: str, declared_type: str
) -> None:
    with pytest.raises(ContentTypeMismatchError) as excinfo:
        require_complete(io.BytesIO(NOT_ACCEPTED_FILES[name]), declared_type)

    assert excinfo.value.ctx["declared"] == declared_type


@pytest.mark.covers("T30")
@pytest.mark.parametrize("actual_type", VALID_FILES)
@pytest.mark.parametrize("declared_type", FILE_TYPES)
def test_an_accepted_type_declared_as_another_is_refused(
    actual_type: str, declared_type: str
) -> None:
    file = io.BytesIO(VALID_FILES[actual_type]())

    if actual_type == declared_type:
        require_complete(file, declared_type)
    else:
        with pytest.raises(ContentTypeMismatchError) as excinfo:
            require_complete(file, declared_type)
        assert excinfo.value.ctx == {"declared": declared_type, "detected": actual_type}


def test_there_are_at_least_fifty_types_that_are_not_accepted() -> None:
    assert len(NOT_ACCEPTED_FILES) >= 50


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        ((b"avif", b"mif1", b"miaf"), "image/avif"),
        ((b"avis", b"avif", b"msf1", b"iso8", b"mif1", b"miaf"), "image/avif"),
        ((b"mif1", b"avif", b"miaf"), "image/avif"),
        ((b"msf1", b"avis"), "image/avif"),
        ((b"mif1", b"heic"), "image/heic"),
        ((b"hevx", b"mp42"), "image/heic"),
        ((b"isom", b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"),
        ((b"mp42", b"mp42", b"isom"), "video/mp4"),
        ((b"iso5", b"iso5", b"dash"), "video/mp4"),
        ((b"M4V ", b"M4V ", b"mp42"), "video/mp4"),
        ((b"qt  ", b"qt  ", b"isom"), "video/quicktime"),
        ((b"crx ", b"crx ", b"isom"), "image/x-canon-cr3"),
        ((b"M4A ", b"isom", b"mp42"), "audio/mp4"),
        ((b"zzzz", b"yyyy"), None),
    ],
)
def test_formats_related_to_mp4_are_distinguished(
    brands: tuple[bytes, ...], expected: str | None
) -> None:
    assert sniff(ftyp(*brands)) == expected


def test_an_image_sequence_is_avif() -> None:
    sequence = animation("image/avif")

    assert sequence[8:12] == b"avis"
    assert sniff(sequence) == "image/avif"


def test_an_animated_png_is_png() -> None:
    assert sniff(animation("image/png")) == "image/png"


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (mp3(tag=True), "audio/mpeg"),
        (mp3(tag=False), "audio/mpeg"),
        (b"\xff\xfa\x90\x64" + bytes(60), "audio/mpeg"),  # with checksums
        (b"\xff\xf3\x84\x64" + bytes(60), "audio/mpeg"),  # MPEG 2
        (b"\xff\xe3\x84\x64" + bytes(60), "audio/mpeg"),  # MPEG 2.5
        (b"\xff\xfe\x41\x00", "text/plain"),  # UTF-16
        (b"\xff\xf1\x50\x80" + bytes(60), "audio/aac"),
    ],
)
def test_mp3_is_detected_with_and_without_a_tag(first: bytes, expected: str | None) -> None:
    assert sniff(first) == expected


def test_an_empty_file_is_reported_as_empty() -> None:
    with pytest.raises(FileEmptyError):
        require_complete(io.BytesIO(), "image/png")


@pytest.mark.parametrize("rate", range(1, 15))
@pytest.mark.parametrize("sampling", [44100, 48000, 32000])
@pytest.mark.parametrize(("version", "shift"), [(3, 0), (2, 1), (0, 2)], ids=["1", "2", "2.5"])
def test_the_length_of_an_mp3_frame_follows_from_its_rates(
    version: int, shift: int, sampling: int, rate: int
) -> None:
    """The steps between bit rates double: of MPEG 1 every four, of MPEG 2 after the eighth."""
    octave, step = divmod(rate - 1, 4)
    kilobits = (4 + step << 3 + octave) if version == 3 else 8 * rate + 8 * max(rate - 8, 0)
    index = [44100, 48000, 32000].index(sampling)
    header = 0x7FF << 21 | version << 19 | 1 << 17 | rate << 12 | index << 10

    samples = 1152 if version == 3 else 576
    length = samples * kilobits * 1000 // 8 // (sampling >> shift)
    assert frame_length(header.to_bytes(4, "big")) == length
    assert frame_length((header | 1 << 9).to_bytes(4, "big")) == length + 1
