"""The byte ranges of the image inside a file.

Decoders differ in what else they tolerate: stray bytes between segments, texts of any size, bytes
after the end. The decoder child gets the image without them.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import BinaryIO

from media.errors import FileCorruptError
from media.rules.formats import avif, gif, jpeg, png, webp
from media.rules.formats.avif import CodedSize
from media.rules.formats.reader import Reader

_MAX_RANGES = 1_000
_RANGES: dict[str, Callable[[Reader], Iterable[tuple[int, int]]]] = {
    "image/jpeg": jpeg.image_ranges,
    "image/png": png.image_ranges,
    "image/gif": gif.image_ranges,
    "image/webp": webp.image_ranges,
    "image/avif": avif.image_ranges,
}


def image_ranges(file: BinaryIO, content_type: str) -> list[tuple[int, int]]:
    """Return the ranges of the image's bytes, in order, with adjacent ranges joined."""
    reader = Reader(file)
    if content_type not in _RANGES:
        return [(0, reader.size)]
    joined = list(islice(_joined(_RANGES[content_type](reader)), _MAX_RANGES + 1))
    if len(joined) > _MAX_RANGES:
        raise FileCorruptError(
            "The file is damaged in too many places. Export it again from the original."
        )
    return joined


def image_end(file: BinaryIO, content_type: str) -> int:
    """Return the offset where the image ends and a trailer may begin."""
    return max(end for _, end in image_ranges(file, content_type))


def differing_size(file: BinaryIO, content_type: str) -> CodedSize | None:
    """Return the coded size of an image if it differs from the declared one."""
    return avif.differing_size(Reader(file)) if content_type == "image/avif" else None


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    first, last = 0, 0
    for start, end in ranges:
        if start != last:
            yield first, last
            first = start
        last = end
    yield first, last
