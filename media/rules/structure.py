"""Whether a file is a whole file of its type: cheap, bounded, without decoding anything."""

from collections.abc import Callable
from typing import BinaryIO

from media.errors import ContentTypeMismatchError, FileEmptyError, FileTooLargeError
from media.rules import archives
from media.rules.formats import avif, gif, isobmff, jpeg, mp3, pdf, png, webp
from media.rules.formats.reader import Reader
from media.rules.limits import MAX_FILE_SIZE
from media.rules.signatures import SNIFF_BYTES, sniff

_CHECKS: dict[str, Callable[[Reader], None]] = {
    "image/jpeg": jpeg.require_complete,
    "image/png": png.require_complete,
    "image/gif": gif.require_complete,
    "image/webp": webp.require_complete,
    "image/avif": avif.require_complete,
    "video/mp4": isobmff.require_video,
    "audio/mpeg": mp3.require_complete,
    "application/pdf": pdf.require_complete,
    "application/zip": archives.require_complete,
}


def require_complete(file: BinaryIO, content_type: str) -> None:
    """Refuse a file that is empty, too large, of another type, cut off or damaged."""
    reader = Reader(file)
    if not reader.size:
        raise FileEmptyError
    if reader.size > MAX_FILE_SIZE:
        raise FileTooLargeError
    require_type(reader.take_up_to(SNIFF_BYTES), content_type)
    reader.move_to(0)
    _CHECKS[content_type](reader)


def require_type(first_bytes: bytes, content_type: str) -> None:
    """Refuse first bytes that are of another type than the declared one."""
    found = sniff(first_bytes)
    if found != content_type:
        raise ContentTypeMismatchError(
            f"The file was declared {content_type} but is {found or 'of an unknown type'}.",
            ctx={"declared": content_type, "detected": found},
        )
