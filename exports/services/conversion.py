"""Conversion of an image to another format, in a sandboxed process.

Its limits of time and memory, and the quality, are in exports/rules/image_formats.py.
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exports.errors import (
    ConversionError,
    ImageOversizedError,
    ImageTooLargeForFormatError,
    ImageUnreadableError,
)
from exports.models import ImageFormat
from exports.rules import image_formats
from exports.rules.image_formats import Encoding
from media.errors import ContentError, ImageTooLargeError
from media.rules.decode_costs import MAX_PARALLEL_PIXELS, DecodeCost
from media.rules.file_types import image_header, signatures
from media.rules.file_types.image_ranges import differing_size, image_end, image_ranges
from media.rules.formats.avif import CodedSize
from media.rules.formats.header import ImageHeader
from media.rules.limits import MAX_PIXELS
from media.services.decoding import memory_budget
from sartiq.core import temporary_files
from sartiq.core.sandbox.client import BoundedChild, ChildDiedError

_CONVERSION_ERRORS: dict[str, ConversionError] = {
    "limit": ConversionError("The conversion took more time or memory than allowed."),
    "too_large_for_format": ImageTooLargeForFormatError(),
    "crashed": ConversionError("The encoder stopped unexpectedly."),
    "failed": ConversionError(),
    "too_large": ImageOversizedError(),
    "unreadable": ImageUnreadableError(),
}
# One thread per image: the workers share the cores already, and the output is deterministic.
_converter = BoundedChild(
    "exports.services.converter_child",
    environment={"VIPS_CONCURRENCY": "1", "VIPS_BLOCK_UNTRUSTED": "1"},
)


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The properties of a converted image; width and height are those displayed."""

    size: int
    sha256: str
    content_type: str
    width: int
    height: int


def convert_image(source: Path, target: Path, *, image_format: ImageFormat) -> Converted:
    """Convert an image to one of the formats of `ENCODINGS`; equal sources give equal bytes.

    Raises `ConversionError`; in this case no target file is left behind.
    """
    content_type, header = _read_header(source)
    pixels = header.width * header.height
    encoding = image_formats.ENCODINGS[image_format]
    try:
        with _large_image_lock(pixels), _trimmed(source, content_type) as (image, coded):
            scale = (header.width / coded.width, header.height / coded.height) if coded else None
            reply = _ask(image, target, content_type, encoding, pixels=pixels, scale=scale)
        return _result(target, encoding, reply)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def cut_trailer(path: Path, content_type: str) -> bool:
    """Cut off, in place, any data after the end of the image; return whether there was any."""
    with path.open("r+b") as file:
        try:
            end = image_end(file, content_type)
        except ContentError as error:
            raise ImageUnreadableError(error.detail) from None
        has_trailer = end < file.seek(0, os.SEEK_END)
        if has_trailer:
            file.truncate(end)
    return has_trailer


def stop() -> None:
    """Stop the converter of this process, if it has one; the next image starts another."""
    _converter.stop()


def running_pid() -> int | None:
    """Return the process id of this process's converter, if it has one."""
    return _converter.running_pid()


def _large_image_lock(pixels: int) -> AbstractContextManager[object]:
    """Wait until no other image of this size is decoded or converted on the host."""
    if pixels <= MAX_PARALLEL_PIXELS:
        return nullcontext()
    return memory_budget.wait_for_share(
        DecodeCost(memory=0, is_slow=False, is_largest=True), owner=""
    )


def _read_header(source: Path) -> tuple[str, ImageHeader]:
    """Return the detected type and the header; reject an image too large to be decoded."""
    with source.open("rb") as file:
        content_type = signatures.sniff(file.read(signatures.SNIFF_BYTES))
        if content_type not in image_formats.LOADERS:
            raise ImageUnreadableError
        try:
            header = image_header.measure(file, content_type)
            image_header.require_within_limits(header)
        except ImageTooLargeError as error:
            raise ImageOversizedError(error.detail) from None
        except ContentError as error:
            raise ImageUnreadableError(error.detail) from None
    return content_type, header


@contextmanager
def _trimmed(source: Path, content_type: str) -> Iterator[tuple[Path, CodedSize | None]]:
    """Yield a file with the image only: libvips tolerates fewer stray bytes than browsers do.

    The second value is the coded size, if it differs from the declared one.
    """
    with source.open("rb") as file:
        try:
            ranges = image_ranges(file, content_type)
        except ContentError as error:
            raise ImageUnreadableError(error.detail) from None
        coded = differing_size(file, content_type)
        if ranges == [(0, file.seek(0, os.SEEK_END))] and coded is None:
            yield source, None
            return
        with temporary_files.named_file() as trimmed:
            for start, end in ranges:
                file.seek(start)
                trimmed.write(file.read(end - start))
            if coded:
                trimmed.seek(coded.offset)
                trimmed.write(struct.pack(">II", coded.width, coded.height))
            trimmed.flush()
            yield Path(trimmed.name), coded


def _result(target: Path, encoding: Encoding, reply: dict[str, Any]) -> Converted:
    if "fault" in reply:
        error = _CONVERSION_ERRORS[reply["fault"]]
        raise type(error)(error.detail)
    return _describe(target, encoding.content_type, reply["width"], reply["height"])


def _ask(
    source: Path,
    target: Path,
    content_type: str,
    encoding: Encoding,
    *,
    pixels: int,
    scale: tuple[float, float] | None,
) -> dict[str, Any]:
    request = {
        "path": str(source.resolve()),
        "target": str(target.resolve()),
        "scale": scale,
        "loader": image_formats.LOADERS[content_type],
        "saver": encoding.saver,
        "options": encoding.options,
        "spaces": encoding.spaces,
        "supports_alpha": encoding.supports_alpha,
        "supports_sixteen_bits": encoding.supports_sixteen_bits,
        "max_pixels": MAX_PIXELS,
        "wall_seconds": image_formats.wall_seconds(pixels),
        "cpu_seconds": image_formats.cpu_seconds(pixels),
        "address_space": image_formats.address_space(pixels),
        "file_size": image_formats.MAX_OUTPUT_BYTES,
    }
    try:
        return _converter.ask(request)
    except ChildDiedError:
        return {"fault": "crashed"}


def _describe(target: Path, content_type: str, width: int, height: int) -> Converted:
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Converted(
        size=target.stat().st_size,
        sha256=digest,
        content_type=content_type,
        width=width,
        height=height,
    )
